//! A headless Chromium, spoken to by the WebDriver protocol. A test that needs it skips itself, and says so, where there is
//! none: see `needs`.

use std::{
    io::{Read as _, Write as _},
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    sync::{Mutex, MutexGuard},
    time::timeout,
};

use crate::needs;

/// How long the driver may take to start, and for any one answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the driver says while one page is being left and the next one is not laid out yet.
const PASSING: [&str; 2] = ["aborted by navigation", "screenshot with 0 width"];
/// One browser at a time is enough for a small machine.
static ONE: Mutex<()> = Mutex::const_new(());

/// A browser with one window. Driver and browser end with it.
pub struct Browser {
    session: String,
    client: Client,
    _driver: Child,
    _profile: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Browser {
    /// Starts one, where there is one.
    pub async fn start() -> Option<Self> {
        let turn = ONE.lock().await;
        let driver = needs::find(&["chromedriver"])?;
        let chromium = needs::find(&["chromium", "chromium-browser"])?;
        let profile = tempfile::tempdir().unwrap();
        let mut driver = Command::new(driver)
            .arg("--port=0")
            .env("HOME", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = loop {
            let line = timeout(PATIENCE, lines.next_line()).await.expect("the driver starts in time").unwrap().unwrap();
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim_end_matches('.').to_owned();
            }
        };
        let client = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-proxy-server",
            "--hide-scrollbars",
            "--force-device-scale-factor=1",
        ];
        let mut args: Vec<String> = flags.map(str::to_owned).to_vec();
        args.push(format!("--user-data-dir={}", profile.path().join("profile").display()));
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": args, "binary": chromium },
            "goog:loggingPrefs": { "browser": "ALL" },
        }}});
        let base = format!("http://127.0.0.1:{port}/session");
        let answer = client.post(&base).json(&wanted).send().await.unwrap().json::<Value>().await.unwrap();
        let id = answer["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("{answer:#}"));
        let session = format!("{base}/{id}");
        Some(Self { session, client, _driver: driver, _profile: profile, _turn: turn })
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let request = self.client.request(method, format!("{}/{path}", self.session));
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        request.send().await.unwrap().json::<Value>().await.unwrap()["value"].clone()
    }

    async fn told(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let asked = Instant::now();
        loop {
            let value = self.ask(method.clone(), path, body.clone()).await;
            let said = value["message"].as_str().unwrap_or_default();
            if !PASSING.iter().any(|passing| said.contains(passing)) || asked.elapsed() > PATIENCE {
                assert!(value.get("error").is_none(), "{path}: {value:#}");
                return value;
            }
        }
    }

    /// Opens a page and waits until it is there.
    pub async fn open(&self, url: &str) {
        self.told(Method::POST, "url", Some(json!({ "url": url }))).await;
    }

    /// What a script of the test's returns; it runs beside the page, not in it.
    pub async fn run(&self, script: &str) -> Value {
        self.told(Method::POST, "execute/sync", Some(json!({ "script": script, "args": [] }))).await
    }

    /// Waits until a script returns this.
    pub async fn until(&self, script: &str, wanted: &Value) {
        let asked = Instant::now();
        loop {
            let found = self.run(script).await;
            if found == *wanted {
                return;
            }
            assert!(asked.elapsed() < PATIENCE, "{script} stays {found}, not {wanted}");
        }
    }

    /// A command of the browser's own protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.told(Method::POST, "goog/cdp/execute", Some(json!({ "cmd": command, "params": parameters }))).await
    }

    /// The size of the window, and whether it is dark.
    pub async fn look(&self, width: u32, height: u32, scheme: &str) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Presses a key.
    pub async fn press(&self, key: &str) {
        let actions = json!([{ "type": "keyDown", "value": key }, { "type": "keyUp", "value": key }]);
        let body = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] });
        self.told(Method::POST, "actions", Some(body)).await;
    }

    /// What the browser complained about.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.told(Method::POST, "se/log", Some(json!({ "type": "browser" }))).await;
        log.as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Draws the whole page into `target/tmp/page/`, to be looked at.
    pub async fn draw(&self, name: &str) {
        let whole = json!({ "captureBeyondViewport": true, "format": "png" });
        let image = self.devtools("Page.captureScreenshot", whole).await;
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("page");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(
            directory.join(format!("{name}.png")),
            STANDARD.decode(image["data"].as_str().unwrap()).unwrap(),
        )
        .unwrap();
    }
}

/// The driver ends the browser, also where the test failed; whoever only killed the driver would leave the browser behind.
impl Drop for Browser {
    fn drop(&mut self) {
        let (host, path) = self.session.trim_start_matches("http://").split_once('/').unwrap_or_default();
        let end = || -> std::io::Result<()> {
            let mut socket = std::net::TcpStream::connect(host)?;
            socket.set_read_timeout(Some(PATIENCE))?;
            write!(socket, "DELETE /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")?;
            socket.read(&mut [0; 1024]).map(drop)
        };
        if let Err(error) = end() {
            eprintln!("the browser could not be ended: {error}");
        }
    }
}
