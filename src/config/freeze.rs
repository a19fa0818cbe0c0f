//! Freeze windows: when they begin, how long they last, in which time zone.

use jiff::tz::TimeZone;

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

#[cfg(test)]
mod tests {
    use super::check_cron;

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
