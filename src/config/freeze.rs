//! Freeze windows: when they begin, how long they last, in which time zone.

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

use super::{bounds, names, scalar};
use crate::{
    config::FreezeWindow,
    yaml::{Fields, Node, Reporter, get},
};

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A field of a cron line.
struct CronField {
    name: &'static str,
    least: u32,
    most: u32,
    words: &'static [&'static str],
}

const CRON: [CronField; 5] = [
    CronField { name: "minute", least: 0, most: 59, words: &[] },
    CronField { name: "hour", least: 0, most: 23, words: &[] },
    CronField { name: "day of the month", least: 1, most: 31, words: &[] },
    CronField { name: "month", least: 1, most: 12, words: &MONTHS },
    CronField { name: "day of the week", least: 0, most: 7, words: &DAYS },
];

/// Reads `freeze:`.
pub(super) fn windows(node: &Node<'_>, reporter: &mut Reporter<'_>) -> Option<Vec<FreezeWindow>> {
    let before = reporter.count();
    let items = get::list(node, "`freeze`", reporter)?;
    let windows: Vec<_> = items.iter().filter_map(|item| window(item, reporter)).collect();
    (reporter.count() == before).then_some(windows)
}

fn window(node: &Node<'_>, reporter: &mut Reporter<'_>) -> Option<FreezeWindow> {
    let fields = Fields::of(node, "a freeze window", names::FREEZE, reporter)?;
    let cron = fields.required("cron", reporter).and_then(|node| {
        let text = scalar::text(node, "`cron`", reporter)?;
        match check_cron(&text) {
            Ok(()) => Some(text.to_string()),
            Err(message) => {
                let hint = "five fields: minute, hour, day of the month, month, day of the week: \"0 18 * * FRI\"";
                reporter.report_with(node, message, hint);
                None
            }
        }
    });
    let duration = fields
        .required("duration", reporter)
        .and_then(|node| scalar::bounded_duration(node, "duration", bounds::FREEZE, reporter));
    let time_zone = fields.required("time_zone", reporter).and_then(|node| {
        let text = scalar::text(node, "`time_zone`", reporter)?;
        if TimeZone::get(&text).is_err() {
            let hint = "write an IANA name such as Europe/Zurich or UTC; this machine's time zone database is asked";
            reporter.report_with(node, format!("no time zone is called `{text}`"), hint);
            return None;
        }
        Some(text.to_string())
    });
    Some(FreezeWindow { cron: cron?, duration: duration?, time_zone: time_zone? })
}

/// Checks five cron fields: `*`, values, ranges, lists and steps; names of months and weekdays.
pub(super) fn check_cron(text: &str) -> Result<(), String> {
    let parts: Vec<&str> = text.split_ascii_whitespace().collect();
    if parts.len() != CRON.len() {
        return Err(format!("`cron` has {} fields instead of five", parts.len()));
    }
    for (field, part) in CRON.iter().zip(parts) {
        if !part.split(',').all(|item| fits(field, item)) {
            return Err(format!("`{part}` is no {} of a cron line ({} to {})", field.name, field.least, field.most));
        }
    }
    Ok(())
}

fn fits(field: &CronField, item: &str) -> bool {
    let (range, step) = item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
    let value = |text: &str| {
        let word = field.words.iter().position(|word| word.eq_ignore_ascii_case(text));
        let named = word.and_then(|index| u32::try_from(index).ok()).map(|index| index + field.least);
        let digits = !text.is_empty() && text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        named.or_else(|| if digits { text.parse().ok() } else { None })
    };
    let inside = |text: &str| value(text).filter(|number| (field.least..=field.most).contains(number));
    let range_fits = match range.split_once('-') {
        _ if range == "*" => true,
        None => inside(range).is_some(),
        Some((from, to)) => inside(from).zip(inside(to)).is_some_and(|(from, to)| from <= to),
    };
    let step_fits = step.is_none_or(|step| {
        let digits = !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
        digits && step.parse().is_ok_and(|step: u32| step > 0 && step <= field.most)
    });
    range_fits && step_fits
}

/// Whether a value of a field is named by a part of a cron line that was checked.
fn names(field: &CronField, part: &str, value: u32) -> bool {
    part.split(',').any(|item| {
        let (range, step) = item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (field.least, field.most),
            Some((from, to)) => (number(field, from).unwrap_or(u32::MAX), number(field, to).unwrap_or(0)),
            None => {
                let only = number(field, range).unwrap_or(u32::MAX);
                // `5/15` means from five on.
                (only, if step.is_some() { field.most } else { only })
            }
        };
        let step = step.and_then(|step| step.parse().ok()).unwrap_or(1_u32).max(1);
        (from..=to).contains(&value) && (value - from).is_multiple_of(step)
    })
}

fn number(field: &CronField, text: &str) -> Option<u32> {
    let word = field.words.iter().position(|word| word.eq_ignore_ascii_case(text));
    word.and_then(|index| u32::try_from(index).ok()).map(|index| index + field.least).or_else(|| text.parse().ok())
}

/// Whether a window begins at this minute. As cron has it, a line that limits both kinds of day means either.
fn begins(cron: &str, at: DateTime) -> bool {
    let parts: Vec<&str> = cron.split_ascii_whitespace().collect();
    let ([minute, hour, day, month, weekday], [of_minute, of_hour, of_day, of_month, of_weekday]) =
        (parts.as_slice(), &CRON)
    else {
        return false;
    };
    let is =
        |field: &CronField, part: &str, value: i8| u32::try_from(value).is_ok_and(|value| names(field, part, value));
    let sunday = at.weekday().to_sunday_zero_offset();
    let by_day = is(of_day, day, at.day());
    let by_weekday = is(of_weekday, weekday, sunday) || (sunday == 0 && is(of_weekday, weekday, 7));
    let on_day =
        if day.starts_with('*') || weekday.starts_with('*') { by_day && by_weekday } else { by_day || by_weekday };
    is(of_minute, minute, at.minute()) && is(of_hour, hour, at.hour()) && is(of_month, month, at.month()) && on_day
}

/// When the last of these windows that are open now ends; `None` where none is open.
pub fn frozen_until(windows: &[FreezeWindow], now: Timestamp) -> Option<Timestamp> {
    windows.iter().filter_map(|window| open_until(window, now, None)).max()
}

/// When a window that is open now ends; `None` where it is not open. Walks back minute by minute over the window's own length:
/// bounded by it, and right across changes of the clock. `closed_at`: a time not after `now` at which it was seen not to be
/// open, so that what could have begun before is not looked for again.
pub fn open_until(window: &FreezeWindow, now: Timestamp, closed_at: Option<Timestamp>) -> Option<Timestamp> {
    // A zone that was there when the file was read and is not any more keeps everything frozen: no doubt unfreezes.
    let Ok(zone) = TimeZone::get(&window.time_zone) else { return now.checked_add(window.duration).ok() };
    let minute = now.as_second() - now.as_second().rem_euclid(60);
    let since = closed_at.map_or(i64::MAX, |at| (minute - at.as_second()).div_euclid(60).saturating_add(1).max(0));
    let minutes = (window.duration.as_secs() / 60).min(since);
    (0..=minutes).find_map(|back| {
        let start = Timestamp::from_second(minute - 60 * back).ok()?;
        let end = start.checked_add(window.duration).ok()?;
        (end > now && begins_at(&window.cron, start, &zone)).then_some(end)
    })
}

/// Whether a window begins at this minute: where the clock was put forward right before it, also one whose time was left out.
fn begins_at(cron: &str, start: Timestamp, zone: &TimeZone) -> bool {
    let at = zone.to_datetime(start);
    let minute = SignedDuration::from_mins(1);
    let offset = |at: Timestamp| i64::from(zone.to_offset(at).seconds());
    let gap = start.checked_sub(minute).map_or(0, |before| offset(start) - offset(before));
    let left_out = |minutes: i64| at.checked_sub(SignedDuration::from_mins(minutes)).ok();
    begins(cron, at) || (1..=gap / 60).filter_map(left_out).any(|at| begins(cron, at))
}

#[cfg(test)]
mod tests {
    use super::{check_cron, frozen_until, open_until};
    use crate::config::FreezeWindow;

    #[test]
    fn a_weekend_is_frozen_from_friday_evening_to_monday_morning_in_its_own_zone() {
        let weekend = FreezeWindow {
            cron: "0 18 * * FRI".into(),
            duration: jiff::SignedDuration::from_hours(62),
            time_zone: "Europe/Zurich".into(),
        };
        let until =
            |at: &str| frozen_until(std::slice::from_ref(&weekend), at.parse().unwrap()).map(|end| end.to_string());
        // 2026-11-20 is a Friday; Zurich is an hour ahead of UTC.
        assert_eq!(until("2026-11-20T16:59:59Z"), None);
        assert_eq!(until("2026-11-20T17:00:00Z").as_deref(), Some("2026-11-23T07:00:00Z"));
        assert_eq!(until("2026-11-23T06:59:59Z").as_deref(), Some("2026-11-23T07:00:00Z"));
        assert_eq!(until("2026-11-23T07:00:00Z"), None);
        let since = |at: &str, closed_at: &str| {
            open_until(&weekend, at.parse().unwrap(), Some(closed_at.parse().unwrap())).map(|end| end.to_string())
        };
        let end = "2026-11-23T07:00:00Z";
        assert_eq!(since("2026-11-20T17:00:00Z", "2026-11-20T16:59:58Z").as_deref(), Some(end));
        assert_eq!(since("2026-11-20T18:30:00Z", "2026-11-20T16:59:58Z").as_deref(), Some(end));
        assert_eq!(since("2026-11-20T16:59:59Z", "2026-11-20T16:59:58Z"), None);
        let nightly = FreezeWindow { cron: "*/30 22-23 1,15 * *".into(), ..weekend };
        let nightly = FreezeWindow { duration: jiff::SignedDuration::from_mins(10), ..nightly };
        let open = |at: &str| frozen_until(std::slice::from_ref(&nightly), at.parse().unwrap()).is_some();
        assert!(open("2026-12-15T21:35:00Z") && !open("2026-12-15T21:45:00Z") && !open("2026-12-14T21:35:00Z"));
    }

    #[test]
    fn a_window_whose_beginning_the_clock_leaves_out_begins_right_after_the_gap() {
        let night = FreezeWindow {
            cron: "30 2 * * *".into(),
            duration: jiff::SignedDuration::from_hours(2),
            time_zone: "Europe/Zurich".into(),
        };
        let until =
            |at: &str| frozen_until(std::slice::from_ref(&night), at.parse().unwrap()).map(|end| end.to_string());
        // On 2027-03-28 two o'clock becomes three o'clock, at 01:00 UTC.
        assert_eq!(until("2027-03-28T00:59:59Z"), None);
        assert_eq!(until("2027-03-28T01:00:00Z").as_deref(), Some("2027-03-28T03:00:00Z"));
        assert_eq!(until("2027-03-28T02:59:59Z").as_deref(), Some("2027-03-28T03:00:00Z"));
        assert_eq!(until("2027-03-28T03:00:00Z"), None);
        assert_eq!(until("2027-03-29T00:30:00Z").as_deref(), Some("2027-03-29T02:30:00Z"));
        // In autumn the time comes twice, and the window is open from the first to the end of the second.
        assert_eq!(until("2027-10-31T00:30:00Z").as_deref(), Some("2027-10-31T02:30:00Z"));
        assert_eq!(until("2027-10-31T03:29:00Z").as_deref(), Some("2027-10-31T03:30:00Z"));
    }

    #[test]
    fn cron_lines_are_checked_field_by_field() {
        for good in ["0 18 * * FRI", "*/15 0-6 1,15 jan-mar 1-5", "59 23 31 12 7", "0 0 * * sun,sat"] {
            assert_eq!(check_cron(good), Ok(()), "{good}");
        }
        for bad in [
            "0 18 * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "5-1 * * * *",
            "*/0 * * * *",
            "* * * * FRY",
            ", * * * *",
            "* * * * * *",
            "-1 * * * *",
        ] {
            assert!(check_cron(bad).is_err(), "{bad}");
        }
    }
}
