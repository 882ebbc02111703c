//! System calls that no check needs, and that reach past name spaces or into parts of the kernel that often broke.

/// A filter for them, as hexadecimal digits; `None` for a processor whose numbers are not known here.
///
/// They fail as if they were not allowed, and so does every call of another architecture, whose numbers differ.
pub(super) fn filter() -> Option<String> {
    let (arch, refused): (u32, &[u32]) = if cfg!(target_arch = "x86_64") {
        (0xc000_003e, &X86_64)
    } else if cfg!(target_arch = "aarch64") {
        (0xc000_00b7, &AARCH64)
    } else {
        return None;
    };
    const ALLOW: u32 = 0x7fff_0000;
    const NOT_PERMITTED: u32 = 0x0005_0000 | 1;
    let length = u8::try_from(refused.len()).ok()?;
    let mut program = vec![
        instruction(LOAD, 0, 0, 4),
        instruction(IF_EQUAL, 0, length + 3, arch),
        instruction(LOAD, 0, 0, 0),
        // The numbers of x32 begin there.
        instruction(IF_AT_LEAST, length + 1, 0, 0x4000_0000),
    ];
    program.extend((0..length).rev().zip(refused).map(|(left, call)| instruction(IF_EQUAL, left + 1, 0, *call)));
    program.extend([instruction(RETURN, 0, 0, ALLOW), instruction(RETURN, 0, 0, NOT_PERMITTED)]);
    Some(program.iter().flatten().map(|byte| format!("{byte:02x}")).collect())
}

/// Keys, programs in the kernel, performance counters, faults handled by users, rings, files by handle, another kernel.
const X86_64: [u32; 13] = [248, 249, 250, 321, 298, 323, 425, 426, 427, 303, 304, 246, 320];
const AARCH64: [u32; 13] = [217, 218, 219, 280, 241, 282, 425, 426, 427, 264, 265, 104, 294];

const LOAD: u16 = 0x20;
const IF_EQUAL: u16 = 0x15;
const IF_AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;

/// One instruction of the kernel's packet filter.
fn instruction(code: u16, then: u8, otherwise: u8, value: u32) -> [u8; 8] {
    let ([a, b], [c, d, e, f]) = (code.to_ne_bytes(), value.to_ne_bytes());
    [a, b, then, otherwise, c, d, e, f]
}
