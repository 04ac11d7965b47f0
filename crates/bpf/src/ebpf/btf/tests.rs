//! Blobs made by hand, the kernel that runs, and bytes at random.

use std::process::Command;

use proptest::prelude::*;

use super::*;

const VMLINUX: &str = "/sys/kernel/btf/vmlinux";
/// Where the fields of the header stand.
const HEADER_LENGTH: usize = 4;
const TYPE_OFFSET: usize = 8;
const TYPE_LENGTH: usize = 12;
const STRING_LENGTH: usize = 20;

/// Adds a type with `kind_flag`.
fn flagged(writer: &mut Writer, kind: Kind, name: &str, parts: &[u32]) -> u32 {
    let at = writer.words.len();
    let id = writer.add(kind, name, 8, parts);
    writer.words[at + 1] |= 1 << 31;
    id
}

/// A struct with members of those names, types and bits.
fn structure(writer: &mut Writer, name: &str, members: &[(&str, u32, u32)]) -> u32 {
    let words = |writer: &mut Writer, (name, id, bits): (&str, u32, u32)| [writer.name(name), id, bits];
    let parts: Vec<u32> = members.iter().flat_map(|member| words(writer, *member)).collect();
    writer.add(Kind::Struct, name, 64, &parts)
}

fn writer() -> Writer {
    Writer { words: Vec::new(), strings: vec![0], count: 0 }
}

/// Every kind, and every way of one struct within another.
fn every_kind() -> Vec<u8> {
    let mut w = writer();
    let int = w.add(Kind::Int, "int", 4, &[SIGNED | 32]);
    let pointer = w.add(Kind::Ptr, "", int, &[]);
    let array = w.add(Kind::Array, "", 0, &[int, int, 4]);
    let inner = structure(&mut w, "inner", &[("a", int, 0), ("b", int, 32)]);
    let hidden = structure(&mut w, "", &[("deep", inner, 64)]);
    let parts = [w.name("either"), int, 0, 0, hidden, 32];
    let union = w.add(Kind::Union, "", 8, &parts);
    let constant = w.add(Kind::Const, "", inner, &[]);
    let volatile = w.add(Kind::Volatile, "", constant, &[]);
    let tagged = w.add(Kind::TypeTag, "rcu", volatile, &[]);
    let restrict = w.add(Kind::Restrict, "", tagged, &[]);
    let alias = w.add(Kind::Typedef, "alias_t", restrict, &[]);
    let odd = w.add(Kind::Int, "", 4, &[3 << 16 | 5]);
    let members = [
        ("first", int, 0),
        ("", union, 64),
        ("named", alias, 320),
        ("pointer", pointer, 384),
        ("array", array, 448),
        ("late", int, 481),
        ("short", odd, 488),
        ("", int, 500),
    ];
    structure(&mut w, "outer", &members);
    let parts = [w.name("whole"), int, 32, w.name("part"), int, 5 << 24 | 64];
    flagged(&mut w, Kind::Struct, "bits", &parts);
    let parts = [w.name("MINUS"), u32::MAX];
    w.add(Kind::Enum, "plain", 4, &parts);
    let parts = [w.name("SIGNED"), u32::MAX, w.name("MINUS"), 7];
    flagged(&mut w, Kind::Enum, "signed", &parts);
    let parts = [w.name("WIDE"), 2, 1];
    w.add(Kind::Enum64, "wide", 8, &parts);
    w.add(Kind::Fwd, "declared", 0, &[]);
    let proto = w.add(Kind::FuncProto, "", int, &[0, int, 0, pointer]);
    let function = w.add(Kind::Func, "function", proto, &[]);
    let variable = w.add(Kind::Var, "variable", int, &[0]);
    w.add(Kind::DataSec, ".data", 4, &[variable, 0, 4]);
    w.add(Kind::Float, "double", 8, &[]);
    w.add(Kind::DeclTag, "tag", function, &[u32::MAX]);
    w.finish()
}

fn member(structure: &str, member: &str) -> (String, String) {
    (structure.to_owned(), member.to_owned())
}

fn none(of: &str, path: &str) -> BtfError {
    let (structure, member) = member(of, path);
    BtfError::NoMember { structure, member }
}

fn no_struct(of: &str, path: &str) -> BtfError {
    let (structure, member) = member(of, path);
    BtfError::NotStruct { structure, member }
}

fn bitfield(of: &str, path: &str) -> BtfError {
    let (structure, member) = member(of, path);
    BtfError::Bitfield { structure, member }
}

#[test]
fn members_are_found_through_unions_names_and_qualifiers() {
    let bytes = every_kind();
    let btf = Btf::read(&bytes).unwrap();
    let table = [
        ("outer", "first", Ok(0)),
        ("outer", "either", Ok(8)),
        ("outer", "deep", Ok(8 + 4 + 8)),
        ("outer", "deep.b", Ok(8 + 4 + 8 + 4)),
        ("outer", "named.b", Ok(40 + 4)),
        ("outer", "pointer", Ok(48)),
        ("outer", "array", Ok(56)),
        ("alias_t", "b", Ok(4)),
        ("bits", "whole", Ok(4)),
        ("outer", "", Err(none("outer", ""))),
        ("outer", "deep.", Err(none("outer", "deep."))),
        ("outer", "deep.c.d", Err(none("outer", "deep.c"))),
        ("outer", "firs", Err(none("outer", "firs"))),
        ("outer", "first.a", Err(no_struct("outer", "first"))),
        ("outer", "pointer.a.b", Err(no_struct("outer", "pointer"))),
        ("outer", "late", Err(bitfield("outer", "late"))),
        ("outer", "short", Err(bitfield("outer", "short"))),
        ("bits", "part", Err(bitfield("bits", "part"))),
        ("nothing", "a", Err(BtfError::NoStruct("nothing".to_owned()))),
        ("int", "a", Err(BtfError::NoStruct("int".to_owned()))),
    ];
    for (structure, path, expected) in table {
        assert_eq!(btf.offset(structure, path), expected, "{structure}.{path}");
    }
}

#[test]
fn every_kind_is_walked_and_has_a_number() {
    let bytes = every_kind();
    let btf = Btf::read(&bytes).unwrap();
    let kinds: Vec<Kind> = btf.all().map(|found| found.kind).collect();
    for kind in Kind::ALL {
        assert!(kinds.contains(&kind), "{kind:?}");
    }
    assert_eq!(btf.id(Kind::Int, "int"), Some(1));
    assert_eq!(btf.id(Kind::Typedef, "alias_t"), Some(11));
    assert_eq!(btf.id(Kind::DeclTag, "tag"), Some(kinds.len() as u32));
    assert_eq!(btf.id(Kind::Struct, "alias_t"), None);
}

#[test]
fn enumerators_have_the_sign_and_the_width_of_their_enum() {
    let bytes = every_kind();
    let btf = Btf::read(&bytes).unwrap();
    let table = [
        ("MINUS", Some(i64::from(u32::MAX))),
        ("SIGNED", Some(-1)),
        ("WIDE", Some((1 << 32) + 2)),
        ("plain", None),
    ];
    for (name, expected) in table {
        assert_eq!(btf.enumerator(name), expected, "{name}");
    }
}

#[test]
fn errors_name_the_struct_and_the_member() {
    let bytes = every_kind();
    let btf = Btf::read(&bytes).unwrap();
    let message = |path| btf.offset("outer", path).unwrap_err().to_string();
    assert_eq!(message("deep.c"), "struct `outer` has no member `deep.c`");
    assert_eq!(message("first.a"), "member `first` of struct `outer` is no struct or union");
    assert_eq!(
        message("late"),
        "member `late` of struct `outer` is a bitfield, which has no offset in bytes"
    );
    assert_eq!(btf.size("x").unwrap_err().to_string(), "the BTF has no struct `x`");
}

#[test]
fn what_is_no_btf_is_refused_with_the_reason() {
    let change = |at: usize, new: u32| {
        let mut bytes = every_kind();
        bytes[at..at + 4].copy_from_slice(&new.to_ne_bytes());
        bytes
    };
    let mut swapped = every_kind();
    swapped.swap(0, 1);
    let mut version = every_kind();
    version[2] = 2;
    let mut unended = every_kind();
    *unended.last_mut().unwrap() = b'x';
    let table = [
        (Vec::new(), BtfError::Header),
        (vec![0x7f; 64], BtfError::Header),
        (every_kind()[..HEADER - 1].to_vec(), BtfError::Header),
        (change(HEADER_LENGTH, u32::MAX), BtfError::Header),
        (swapped, BtfError::ByteOrder),
        (version, BtfError::Version(2)),
        (change(TYPE_OFFSET, u32::MAX), BtfError::Cut("types")),
        (change(TYPE_LENGTH, u32::MAX), BtfError::Cut("types")),
        (change(STRING_LENGTH, u32::MAX), BtfError::Cut("strings")),
        (change(STRING_LENGTH, 0), BtfError::Strings),
        (unended, BtfError::Strings),
        (change(TYPE_LENGTH, 20), BtfError::Type(2)),
        (change(HEADER + 4, 0), BtfError::Kind { id: 1, kind: 0 }),
        (change(HEADER + 4, 31 << 24), BtfError::Kind { id: 1, kind: 31 }),
        (change(HEADER + 4, 0x0400_ffff), BtfError::Type(1)),
    ];
    for (at, (bytes, expected)) in table.into_iter().enumerate() {
        assert_eq!(Btf::read(&bytes).unwrap_err(), expected, "row {at}");
    }
}

#[test]
fn a_longer_header_is_skipped() {
    let mut bytes = every_kind();
    bytes.splice(HEADER..HEADER, [0xaa; 8]);
    bytes[HEADER_LENGTH..TYPE_OFFSET].copy_from_slice(&32_u32.to_ne_bytes());
    assert_eq!(Btf::read(&bytes).unwrap().offset("outer", "deep.b"), Ok(24));
}

#[test]
fn circles_and_references_to_nowhere_end() {
    let mut w = writer();
    w.add(Kind::Typedef, "round", 1, &[]);
    structure(&mut w, "self", &[("a", 1, 0), ("", 2, 0), ("", 2, 0)]);
    structure(&mut w, "nowhere", &[("a", 99, 0), ("", 98, 0)]);
    structure(&mut w, "void", &[("a", 0, 0)]);
    let bytes = w.finish();
    let btf = Btf::read(&bytes).unwrap();
    assert_eq!(btf.size("round"), Err(BtfError::Endless(1)));
    assert_eq!(btf.offset("self", "a"), Err(BtfError::Endless(1)));
    assert_eq!(btf.offset("self", "b"), Err(BtfError::Endless(2)));
    assert_eq!(btf.offset("nowhere", "a"), Err(BtfError::NoType(99)));
    assert_eq!(btf.offset("nowhere", "b"), Err(BtfError::NoType(98)));
    assert_eq!(btf.offset("void", "a"), Err(BtfError::NoType(0)));
}

#[test]
fn an_offset_of_more_than_32_bits_is_an_error() {
    let mut w = writer();
    let mut inner = w.add(Kind::Int, "int", 4, &[SIGNED | 32]);
    for _ in 0..9 {
        inner = structure(&mut w, "s", &[("a", inner, u32::MAX - 7)]);
    }
    structure(&mut w, "far", &[("a", inner, 0)]);
    let bytes = w.finish();
    let btf = Btf::read(&bytes).unwrap();
    let path = ["a"; 10].join(".");
    let expected = BtfError::Far { structure: "far".to_owned(), member: path.clone() };
    assert_eq!(btf.offset("far", &path), Err(expected));
    assert_eq!(btf.offset("far", "a.a"), Ok(u32::MAX >> 3));
}

#[test]
fn what_a_map_needs_reads_back() {
    for words in [0, 1, 64, u32::MAX] {
        let (bytes, key, value) = for_map(words);
        let btf = Btf::read(&bytes).unwrap();
        assert_eq!(btf.id(Kind::Int, "int"), Some(key));
        assert_eq!(btf.id(Kind::Struct, "value"), Some(value));
        let int = btf.get(key).unwrap();
        assert_eq!((int.size, word(int.parts, 0)), (4, Some(SIGNED | 32)));
        assert_eq!(btf.size("value"), Ok(words.saturating_mul(4)));
        assert_eq!(btf.offset("value", "words"), Ok(0));
        let array = btf.all().find(|found| found.kind == Kind::Array).unwrap();
        assert_eq!(word(array.parts, 8), Some(words));
    }
}

/// The BTF of the kernel that runs.
fn vmlinux() -> Option<Vec<u8>> {
    std::fs::read(VMLINUX).inspect_err(|error| println!("skipped: cannot read `{VMLINUX}`: {error}")).ok()
}

#[test]
fn the_running_kernel_says_where_its_members_are() {
    let Some(bytes) = vmlinux() else { return };
    let btf = Btf::read(&bytes).unwrap();
    let size = btf.size("task_struct").unwrap();
    for path in ["group_leader", "seccomp.filter_count", "tgid", "signal"] {
        let offset = btf.offset("task_struct", path).unwrap();
        assert!((1..size).contains(&offset), "{path}: {offset}");
    }
    let inner = btf.offset("seccomp", "filter_count").unwrap();
    let outer = btf.offset("task_struct", "seccomp").unwrap();
    assert_eq!(btf.offset("task_struct", "seccomp.filter_count"), Ok(outer + inner));
    let error = btf.offset("task_struct", "sched_reset_on_fork").unwrap_err();
    assert_eq!(error, bitfield("task_struct", "sched_reset_on_fork"));
    assert!(btf.id(Kind::Typedef, "btf_trace_sys_enter").is_some());
    assert_eq!(btf.enumerator("PIDTYPE_TGID"), Some(1));
    assert_eq!(btf.enumerator("BPF_MAP_TYPE_TASK_STORAGE"), Some(29));
}

#[test]
fn bpftool_says_the_same() {
    let dump = Command::new("bpftool").args(["btf", "dump", "file", VMLINUX, "format", "raw"]).output();
    // Under an emulator it may start and fail.
    let (Some(bytes), Some(dump)) = (vmlinux(), dump.ok().filter(|d| d.status.success())) else {
        return println!("skipped: bpftool is not installed");
    };
    let dump = String::from_utf8(dump.stdout).unwrap();
    let btf = Btf::read(&bytes).unwrap();
    // Every member that stands in these structs themselves.
    for structure in ["task_struct", "seccomp", "cgroup", "linux_binprm", "mm_struct", "sk_buff"] {
        let named = format!("] STRUCT '{structure}' ");
        let mut lines = dump.lines().skip_while(|line| !line.contains(&named));
        let head = lines.next().unwrap();
        let id = btf.id(Kind::Struct, structure).unwrap();
        assert!(head.starts_with(&format!("[{id}{named}size={} ", btf.size(structure).unwrap())), "{head}");
        for line in lines.take_while(|line| line.starts_with('\t')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let name = words[0].trim_matches('\'');
            let bits: u32 = words[2].trim_start_matches("bits_offset=").parse().unwrap();
            let expected = if words.len() > 3 { Err(bitfield(structure, name)) } else { Ok(bits / 8) };
            if name != "(anon)" {
                assert_eq!(btf.offset(structure, name), expected, "{structure}.{name}");
            }
        }
    }
}

/// Asks everything there is to ask.
fn ask(bytes: &[u8]) {
    let Ok(btf) = Btf::read(bytes) else { return };
    for (structure, path) in [("outer", "deep.b"), ("outer", "named.a"), ("alias_t", "x"), ("bits", "part")] {
        let _ = (btf.offset(structure, path), btf.size(structure));
    }
    let _ = (btf.enumerator("WIDE"), btf.id(Kind::DeclTag, "tag"));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        ask(&bytes);
        ask(&[MAGIC.to_ne_bytes().as_slice(), &[1, 0], &bytes].concat());
    }

    #[test]
    fn no_change_makes_it_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        length in any::<prop::sample::Index>(),
    ) {
        let mut bytes = every_kind();
        for (at, new) in changes {
            *at.get_mut(&mut bytes) = new;
        }
        ask(&bytes);
        ask(&bytes[..length.index(bytes.len())]);
    }
}
