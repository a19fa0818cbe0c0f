//! Servers that hang or drip. The clock is the runtime's, and nobody waits for it: it moves on whenever all wait.

use std::future::Future;

use tokio::time::Instant as Moment;

use super::*;

/// A server that takes every request, sends these bytes and then one blank a second for ever, or nothing more.
async fn dripping(begin: &'static [u8], drips: bool) -> (Url, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let taken = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&taken);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let seen = Arc::clone(&seen);
            tokio::spawn(async move {
                receive(&mut socket).await;
                seen.fetch_add(1, Ordering::SeqCst);
                let mut open = socket.write_all(begin).await.is_ok();
                while open {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    open = !drips || socket.write_all(b" ").await.is_ok();
                }
            });
        }
    });
    (base, taken)
}

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n";
const FORMS: [(&[u8], bool); 3] = [(b"", false), (HEAD, false), (HEAD, true)];
const WIDE: RequestLimits = RequestLimits { requests: RequestRate { count: 10_000, seconds: 1 }, concurrency: 4 };

/// What came of it, and how long it took by the runtime's clock.
async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let begin = Moment::now();
    let result = work.await;
    (result, begin.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_read_that_hangs_or_drips_is_tried_again_and_given_up_in_a_minute() {
    for (begin, drips) in FORMS {
        let (base, taken) = dripping(begin, drips).await;
        let (error, took) = timed(connect(base, WIDE).0.ask(read(&["x"]))).await;
        let error = error.unwrap_err();
        assert!(error.fault == Fault::Timeout && error.what.contains("no whole answer within"), "{error}");
        assert!(took > Duration::from_secs(31) && took <= Duration::from_secs(60), "{took:?}");
        assert_eq!(taken.load(Ordering::SeqCst), 2, "half a minute each");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_hangs_or_drips_is_unknown_after_half_a_minute_and_sent_once() {
    for (begin, drips) in FORMS {
        let (base, taken) = dripping(begin, drips).await;
        let (_, writer) = connect(base, WIDE);
        let (failure, took) = timed(writer.send(&receipt(), &Stop::new(), &|| None)).await;
        assert!(matches!(failure.unwrap_err(), SendFailure::Unknown(_)));
        assert!(took >= Duration::from_secs(29) && took <= Duration::from_secs(31), "{took:?}");
        assert_eq!(taken.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_has_no_turn_in_a_minute_is_not_sent_and_says_so() {
    let (base, taken) = dripping(HEAD, true).await;
    let one_at_once = RequestLimits { concurrency: 1, ..WIDE };
    let (reader, writer) = connect(base, one_at_once);
    // Two readers have the only place one after the other, for longer than a write may wait.
    let busy = [
        tokio::spawn({
            let reader = reader.clone();
            async move { reader.ask(read(&["x"])).await }
        }),
        tokio::spawn(async move { reader.ask(read(&["y"])).await }),
    ];
    while taken.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let (failure, took) = timed(writer.send(&receipt(), &Stop::new(), &|| None)).await;
    let failure = failure.unwrap_err();
    assert!(matches!(failure, SendFailure::NotSent(NotSent::RateLimited(_))), "{failure}");
    assert!(took <= Duration::from_secs(60), "{took:?}");
    for read in busy {
        assert!(read.await.unwrap().is_err());
    }
}
