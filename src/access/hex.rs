//! Bytes as hexadecimal digits, and back: as many digits as there have to be, and nothing else.

/// The digits of these bytes, in lower case.
pub fn of(bytes: &[u8]) -> String {
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    halves.filter_map(|half| char::from_digit(half.into(), 16)).collect()
}

/// The bytes of exactly twice as many digits, in either case.
pub fn bytes<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    if pairs.len() != N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        *byte = number(pair, 16)?;
    }
    Some(bytes)
}

/// What digits of a radix up to 16 spell, where it is one byte. No sign, no space.
pub fn number(digits: &[u8], radix: u32) -> Option<u8> {
    let (first, rest) = digits.split_first()?;
    let digit = |digit: u8| char::from(digit).to_digit(radix);
    let number =
        rest.iter().try_fold(digit(*first)?, |number, next| number.checked_mul(radix)?.checked_add(digit(*next)?))?;
    u8::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_again(given in any::<[u8; 32]>()) {
            let digits = of(&given);
            prop_assert_eq!(bytes(digits.as_bytes()), Some(given));
            prop_assert_eq!(bytes(digits.to_uppercase().as_bytes()), Some(given));
            prop_assert_eq!(digits, given.map(|byte| format!("{byte:02x}")).concat());
        }
    }

    #[test]
    fn nothing_but_digits_counts_and_none_is_missing() {
        assert_eq!(bytes(b"00fF"), Some([0, 255]));
        for bad in ["", "00f", "00ff0", "00ff00", "+f00", "0x00", "-100", " f00", "00fg"] {
            assert_eq!(bytes::<2>(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_number_is_one_byte() {
        assert_eq!(number(b"002b", 16), Some(b'+'));
        assert_eq!(number(b"43", 10), Some(b'+'));
        for bad in ["", "+4", "256", "4b", "99999999999999999999"] {
            assert_eq!(number(bad.as_bytes(), 10), None, "{bad}");
        }
    }
}
