//! What goes wrong at a server, at random.

use fastrand::Rng;
use portcullis::sandbox::{Fault, System, Trouble};

/// Something goes wrong for the next few requests to a system.
///
/// A short page that no total and no end mark gives away is a list that lies, and no reader could tell: only S2, whose soaked
/// accounts name what they have, and Aitronos, which tells a total, get those.
pub fn any(random: &mut Rng, system: System) -> Fault {
    let after_effect = random.bool();
    let short = matches!(system, System::S2 | System::Aitronos);
    let trouble = match random.u8(0..if short { 10 } else { 9 }) {
        0 => Trouble::RateLimit { after_ms: random.u64(10..400) },
        1 => Trouble::Status { status: 500, after_effect },
        2 => Trouble::Status { status: 503, after_effect },
        3 => Trouble::DropBefore,
        4 => Trouble::DropAfter,
        5 => Trouble::Delay { ms: random.u64(10..600), after_effect },
        6 => Trouble::Truncate,
        7 => Trouble::BrokenJson,
        8 => Trouble::Html,
        _ => Trouble::ShortPage,
    };
    let mut fault = Fault::new(system, trouble);
    fault.times = Some(random.u32(1..4));
    fault
}
