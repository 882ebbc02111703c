//! System calls that no check needs, and that reach past name spaces or into parts of the kernel that often broke.

/// Who keeps commands from making user name spaces, in which they are root.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Nested {
    /// Somebody else.
    Elsewhere,
    /// The filter.
    #[cfg(feature = "container")]
    Here,
}

/// A filter for them, as hexadecimal digits; `None` for a processor whose numbers are not known here.
///
/// They fail as if they were not allowed, and so does every call of another architecture, whose numbers differ.
pub(super) fn filter(nested: Nested) -> Option<String> {
    let (arch, numbers) = if cfg!(target_arch = "x86_64") {
        (0xc000_003e, &X86_64)
    } else if cfg!(target_arch = "aarch64") {
        (0xc000_00b7, &AARCH64)
    } else {
        return None;
    };
    let refused = return_(NOT_PERMITTED);
    let mut program = vec![instruction(LOAD, 0, 0, ARCHITECTURE), instruction(IF_EQUAL, 1, 0, arch), refused];
    // The numbers of x32 begin there.
    program.extend([instruction(LOAD, 0, 0, NUMBER), instruction(IF_AT_LEAST, 0, 1, 0x4000_0000), refused]);
    for call in numbers.refused {
        program.extend([instruction(IF_EQUAL, 0, 1, call), refused]);
    }
    if nested != Nested::Elsewhere {
        program.extend([instruction(IF_EQUAL, 0, 1, numbers.setns), refused]);
        // Its flags are in memory, where no filter can look; C libraries then do without.
        program.extend([instruction(IF_EQUAL, 0, 1, numbers.clone3), return_(NO_SUCH_CALL)]);
        program.extend([
            instruction(IF_EQUAL, 1, 0, numbers.clone),
            instruction(IF_EQUAL, 0, 3, numbers.unshare),
            instruction(LOAD, 0, 0, FIRST_ARGUMENT),
            instruction(IF_ANY_BIT, 0, 1, NEW_USER),
            refused,
        ]);
    }
    program.push(return_(ALLOW));
    Some(program.iter().flatten().map(|byte| format!("{byte:02x}")).collect())
}

/// What calls are called in an architecture.
struct Numbers {
    /// Keys, programs in the kernel, performance counters, faults handled by users, rings, files by handle, another
    /// kernel.
    refused: [u32; 13],
    setns: u32,
    clone: u32,
    clone3: u32,
    unshare: u32,
}

const X86_64: Numbers = Numbers {
    refused: [248, 249, 250, 321, 298, 323, 425, 426, 427, 303, 304, 246, 320],
    setns: 308,
    clone: 56,
    clone3: 435,
    unshare: 272,
};
const AARCH64: Numbers = Numbers {
    refused: [217, 218, 219, 280, 241, 282, 425, 426, 427, 264, 265, 104, 294],
    setns: 268,
    clone: 220,
    clone3: 435,
    unshare: 97,
};

const LOAD: u16 = 0x20;
const IF_EQUAL: u16 = 0x15;
const IF_AT_LEAST: u16 = 0x35;
const IF_ANY_BIT: u16 = 0x45;
const RETURN: u16 = 0x06;

/// Where to find what, in what a filter is shown.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
/// Its lower half: both processors store that first.
const FIRST_ARGUMENT: u32 = 16;

const ALLOW: u32 = 0x7fff_0000;
const NOT_PERMITTED: u32 = 0x0005_0000 | 1;
const NO_SUCH_CALL: u32 = 0x0005_0000 | 38;

/// The flag for a new user name space.
const NEW_USER: u32 = 0x1000_0000;

/// One instruction of the kernel's packet filter.
fn instruction(code: u16, then: u8, otherwise: u8, value: u32) -> [u8; 8] {
    let ([a, b], [c, d, e, f]) = (code.to_ne_bytes(), value.to_ne_bytes());
    [a, b, then, otherwise, c, d, e, f]
}

fn return_(value: u32) -> [u8; 8] {
    instruction(RETURN, 0, 0, value)
}
