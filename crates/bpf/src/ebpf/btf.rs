//! The types of a kernel, out of its BTF (`/sys/kernel/btf/vmlinux`): where a member of a struct lies, and what an
//! enumerator is worth. And the little BTF that a map with task storage asks for.
//!
//! The format is that of `Documentation/bpf/btf.rst` and `include/uapi/linux/btf.h`. Nothing is copied: a reading is
//! the bytes and where each type begins.

/// What a type is (`BTF_KIND_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An integer.
    Int = 1,
    /// A pointer.
    Ptr,
    /// An array.
    Array,
    /// A struct.
    Struct,
    /// A union.
    Union,
    /// An enum with values of 32 bits.
    Enum,
    /// A struct or union that is declared only.
    Fwd,
    /// A name for a type.
    Typedef,
    /// `volatile`
    Volatile,
    /// `const`
    Const,
    /// `restrict`
    Restrict,
    /// A function.
    Func,
    /// What a function takes and returns.
    FuncProto,
    /// A variable.
    Var,
    /// A section with variables.
    DataSec,
    /// A floating-point number.
    Float,
    /// `btf_decl_tag`
    DeclTag,
    /// `btf_type_tag`
    TypeTag,
    /// An enum with values of 64 bits.
    Enum64,
}

impl Kind {
    /// Every kind, from 1 on.
    const ALL: [Self; 19] = [
        Self::Int,
        Self::Ptr,
        Self::Array,
        Self::Struct,
        Self::Union,
        Self::Enum,
        Self::Fwd,
        Self::Typedef,
        Self::Volatile,
        Self::Const,
        Self::Restrict,
        Self::Func,
        Self::FuncProto,
        Self::Var,
        Self::DataSec,
        Self::Float,
        Self::DeclTag,
        Self::TypeTag,
        Self::Enum64,
    ];

    /// How many words follow `struct btf_type`: those that are always there, and those of each of its parts.
    fn words(self) -> (usize, usize) {
        match self {
            Self::Int | Self::Var | Self::DeclTag => (1, 0),
            Self::Array => (3, 0),
            Self::Enum | Self::FuncProto => (0, 2),
            Self::Struct | Self::Union | Self::DataSec | Self::Enum64 => (0, 3),
            _ => (0, 0),
        }
    }

    fn has_members(self) -> bool {
        matches!(self, Self::Struct | Self::Union)
    }
}

/// Why BTF cannot be read, or does not say what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BtfError {
    /// Too short, or the magic number is missing.
    #[error("not BTF: its header is missing")]
    Header,
    /// The magic number is the wrong way round.
    #[error("the BTF is of a machine of the other byte order")]
    ByteOrder,
    /// Another version than 1.
    #[error("the BTF is of version {0}, and only 1 is known")]
    Version(u8),
    /// The header speaks of more than there is.
    #[error("the BTF is cut off: its {0} go beyond its end")]
    Cut(&'static str),
    /// Strings that do not begin and end with 0 (`kernel/bpf/btf.c`, btf_parse_str_sec).
    #[error("the strings of the BTF do not begin and end with 0")]
    Strings,
    /// A kind that is not known, so that its length is not known either.
    #[error("type {id} of the BTF is of the unknown kind {kind}")]
    Kind {
        /// The type's number.
        id: u32,
        /// What stands there.
        kind: u32,
    },
    /// The section of types ends within one.
    #[error("type {0} of the BTF is cut off")]
    Type(u32),
    /// A type is mentioned that does not exist.
    #[error("the BTF has no type {0}")]
    NoType(u32),
    /// A type consists of itself, or of more than any kernel has.
    #[error("type {0} of the BTF is nested without end")]
    Endless(u32),
    /// No struct, union or typedef of one has this name.
    #[error("the BTF has no struct `{0}`")]
    NoStruct(String),
    /// The struct has no such member.
    #[error("struct `{structure}` has no member `{member}`")]
    NoMember {
        /// The struct that was asked for.
        structure: String,
        /// The path, up to what is missing.
        member: String,
    },
    /// Something was asked for within a number, a pointer or an array.
    #[error("member `{member}` of struct `{structure}` is no struct or union")]
    NotStruct {
        /// The struct that was asked for.
        structure: String,
        /// The path, up to what has no members.
        member: String,
    },
    /// The member has no address of its own.
    #[error("member `{member}` of struct `{structure}` is a bitfield, which has no offset in bytes")]
    Bitfield {
        /// The struct that was asked for.
        structure: String,
        /// The path, up to the bitfield.
        member: String,
    },
    /// The member lies farther in than 32 bits count.
    #[error("member `{member}` of struct `{structure}` lies beyond 4 GiB")]
    Far {
        /// The struct that was asked for.
        structure: String,
        /// The path.
        member: String,
    },
}

/// `BTF_MAGIC`
const MAGIC: u16 = 0xeb9f;
/// `struct btf_header` of version 1. Newer ones may be longer, and say so.
const HEADER: usize = 24;
/// `struct btf_type`
const TYPE: usize = 12;
/// `struct btf_member`
const MEMBER: usize = 12;
/// Names and qualifiers around a type (`kernel/bpf/btf.c`, MAX_RESOLVE_DEPTH).
const DEPTH: usize = 32;
/// Members looked at for one name, those of anonymous structs and unions among them. task_struct has some 300.
const MEMBERS: usize = 1 << 18;
/// `BTF_INT_SIGNED`, in its place
const SIGNED: u32 = 1 << 24;

/// BTF that was read: every type has its place.
#[derive(Clone, Debug)]
pub struct Btf<'d> {
    types: &'d [u8],
    strings: &'d [u8],
    /// Where each type begins. Numbers count from 1; 0 is `void`.
    starts: Vec<u32>,
}

/// `struct btf_type`, and what follows it.
#[derive(Clone, Copy)]
struct Type<'d> {
    id: u32,
    name: u32,
    kind: Kind,
    /// `kind_flag`
    flag: bool,
    /// Its size, or the type it is of.
    size: u32,
    /// Members, enumerators and the like.
    parts: &'d [u8],
}

/// Where a member was found.
struct Member {
    id: u32,
    /// From the beginning of where it was looked for.
    bits: u64,
    is_bitfield: bool,
}

impl<'d> Btf<'d> {
    /// Reads the whole of it once, without looking at what the types refer to.
    pub fn read(bytes: &'d [u8]) -> Result<Self, BtfError> {
        let magic = bytes.first_chunk::<2>().map(|magic| u16::from_ne_bytes(*magic));
        match magic {
            Some(MAGIC) => {}
            Some(magic) if magic.swap_bytes() == MAGIC => return Err(BtfError::ByteOrder),
            _ => return Err(BtfError::Header),
        }
        let version = *bytes.get(2).ok_or(BtfError::Header)?;
        if version != 1 {
            return Err(BtfError::Version(version));
        }
        let field = |at| word(bytes, at).map(|word| word as usize).ok_or(BtfError::Header);
        let after = bytes.get(field(4)?.max(HEADER)..).ok_or(BtfError::Header)?;
        let section = |at: usize, what| {
            let rest = after.get(field(at)?..).and_then(|rest| rest.get(..field(at + 4).ok()?));
            rest.ok_or(BtfError::Cut(what))
        };
        let (types, strings) = (section(8, "types")?, section(16, "strings")?);
        if strings.first() != Some(&0) || strings.last() != Some(&0) {
            return Err(BtfError::Strings);
        }
        Ok(Self { types, strings, starts: starts(types)? })
    }

    /// The number of the first type of this kind and name.
    pub fn id(&self, kind: Kind, name: &str) -> Option<u32> {
        self.all().find(|found| found.kind == kind && self.is_named(found.name, name)).map(|found| found.id)
    }

    /// Where a member lies, in bytes. The path goes into structs and unions by dots (`thread_info.status`), and into
    /// anonymous ones by itself. Of several structs of that name, the first counts.
    pub fn offset(&self, structure: &str, path: &str) -> Result<u32, BtfError> {
        let mut around = self.structure(structure)?;
        let (mut bits, mut end) = (0, 0);
        for name in path.split('.') {
            let structure = structure.to_owned();
            if end > 0 && !around.kind.has_members() {
                return Err(BtfError::NotStruct { structure, member: path[..end - 1].to_owned() });
            }
            end += name.len();
            let member = path[..end].to_owned();
            let Some(found) = self.member(around, name)? else {
                return Err(BtfError::NoMember { structure, member });
            };
            around = self.bare(found.id)?;
            bits += found.bits;
            if found.is_bitfield || bits % 8 != 0 || around.is_part_of_int() {
                return Err(BtfError::Bitfield { structure, member });
            }
            end += 1;
        }
        let far = |_| BtfError::Far { structure: structure.to_owned(), member: path.to_owned() };
        u32::try_from(bits / 8).map_err(far)
    }

    /// How long a struct, a union or a typedef of one is, in bytes.
    pub fn size(&self, structure: &str) -> Result<u32, BtfError> {
        self.structure(structure).map(|found| found.size)
    }

    /// What the first enumerator of this name is worth, whatever enum it is in. Values beyond `i64` wrap.
    pub fn enumerator(&self, name: &str) -> Option<i64> {
        self.all().find_map(|found| {
            let length = match found.kind {
                Kind::Enum => 8,
                Kind::Enum64 => 12,
                _ => return None,
            };
            let part = found
                .parts
                .chunks_exact(length)
                .find(|part| word(part, 0).is_some_and(|at| self.is_named(at, name)))?;
            let low = word(part, 4)?;
            Some(match word(part, 8) {
                Some(high) => (u64::from(high) << 32 | u64::from(low)) as i64,
                None if found.flag => i64::from(low as i32),
                None => i64::from(low),
            })
        })
    }

    fn all(&self) -> impl Iterator<Item = Type<'d>> {
        (1..).zip(&self.starts).filter_map(|(id, start)| type_at(self.types, *start as usize, id).ok())
    }

    fn get(&self, id: u32) -> Result<Type<'d>, BtfError> {
        let start = (id as usize).checked_sub(1).and_then(|at| self.starts.get(at));
        type_at(self.types, *start.ok_or(BtfError::NoType(id))? as usize, id)
    }

    /// Whether `name` stands at this place among the strings.
    fn is_named(&self, at: u32, name: &str) -> bool {
        let rest = self.strings.get(at as usize..).and_then(|rest| rest.strip_prefix(name.as_bytes()));
        rest.is_some_and(|rest| rest.first() == Some(&0))
    }

    fn structure(&self, name: &str) -> Result<Type<'d>, BtfError> {
        let none = || BtfError::NoStruct(name.to_owned());
        let kinds = [Kind::Struct, Kind::Union, Kind::Typedef];
        let id = kinds.into_iter().find_map(|kind| self.id(kind, name)).ok_or_else(none)?;
        let found = self.bare(id)?;
        if found.kind.has_members() { Ok(found) } else { Err(none()) }
    }

    /// The type without names and qualifiers.
    fn bare(&self, id: u32) -> Result<Type<'d>, BtfError> {
        let mut next = id;
        for _ in 0..DEPTH {
            let found = self.get(next)?;
            match found.kind {
                Kind::Typedef | Kind::Volatile | Kind::Const | Kind::Restrict | Kind::TypeTag => {
                    next = found.size;
                }
                _ => return Ok(found),
            }
        }
        Err(BtfError::Endless(id))
    }

    /// The member of this name, in anonymous structs and unions too. C sees to it that there is one at most.
    fn member(&self, structure: Type<'d>, name: &str) -> Result<Option<Member>, BtfError> {
        let mut left = MEMBERS;
        let mut inside = vec![(structure, 0)];
        while let Some((around, base)) = inside.pop() {
            for part in around.parts.chunks_exact(MEMBER) {
                left = left.checked_sub(1).ok_or(BtfError::Endless(structure.id))?;
                let [named, id, place] = [0, 4, 8].map(|at| word(part, at).unwrap_or_default());
                // With the flag, the upper byte is the size of a bitfield (BTF_MEMBER_BITFIELD_SIZE).
                let (width, bits) = if around.flag { (place >> 24, place & 0x00ff_ffff) } else { (0, place) };
                let bits = base + u64::from(bits);
                if self.is_named(named, "") {
                    // An int without a name is padding.
                    let inner = self.bare(id)?;
                    if inner.kind.has_members() {
                        inside.push((inner, bits));
                    }
                } else if self.is_named(named, name) {
                    return Ok(Some(Member { id, bits, is_bitfield: width != 0 }));
                }
            }
        }
        Ok(None)
    }
}

impl Type<'_> {
    /// Compilers that do not use the flag tell bitfields by an integer that starts late or ends early (BTF_INT_OFFSET,
    /// BTF_INT_BITS).
    fn is_part_of_int(&self) -> bool {
        let encoding = word(self.parts, 0).unwrap_or_default();
        self.kind == Kind::Int && encoding & 0x00ff_00ff != self.size.saturating_mul(8)
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk::<4>().map(|word| u32::from_ne_bytes(*word))
}

/// Where each type begins.
fn starts(types: &[u8]) -> Result<Vec<u32>, BtfError> {
    // A type of vmlinux takes 20 to 25 bytes, on average.
    let mut starts = Vec::with_capacity(types.len() / 20);
    let mut at = 0;
    while at < types.len() {
        let id = starts.len() as u32 + 1;
        starts.push(at as u32);
        at += TYPE + type_at(types, at, id)?.parts.len();
    }
    Ok(starts)
}

fn type_at(types: &[u8], at: usize, id: u32) -> Result<Type<'_>, BtfError> {
    let (head, rest) =
        types.get(at..).and_then(|rest| rest.split_first_chunk::<TYPE>()).ok_or(BtfError::Type(id))?;
    let [name, info, size] = [0, 4, 8].map(|at| word(head, at).unwrap_or_default());
    let number = info >> 24 & 0x1f;
    let kind = (number as usize).checked_sub(1).and_then(|at| Kind::ALL.get(at)).copied();
    let kind = kind.ok_or(BtfError::Kind { id, kind: number })?;
    let (fixed, each) = kind.words();
    let length = 4 * (fixed + each * (info & 0xffff) as usize);
    let parts = rest.get(..length).ok_or(BtfError::Type(id))?;
    Ok(Type { id, name, kind, flag: info >> 31 != 0, size, parts })
}

/// BTF for a map whose keys are an `int` and whose values are a struct of that many `unsigned int`: the bytes, and the
/// numbers of the key's and of the value's type.
///
/// Task storage is not to be had without (`kernel/bpf/bpf_local_storage.c`, bpf_local_storage_map_check_btf). A value
/// larger than the kernel takes is for the kernel to refuse.
pub fn for_map(value_words: u32) -> (Vec<u8>, u32, u32) {
    let mut writer = Writer { words: Vec::new(), strings: vec![0], count: 0 };
    let key = writer.add(Kind::Int, "int", 4, &[SIGNED | 32]);
    let word = writer.add(Kind::Int, "unsigned int", 4, &[32]);
    let array = writer.add(Kind::Array, "", 0, &[word, key, value_words]);
    let name = writer.name("words");
    let value = writer.add(Kind::Struct, "value", value_words.saturating_mul(4), &[name, array, 0]);
    (writer.finish(), key, value)
}

/// BTF in the making.
struct Writer {
    words: Vec<u32>,
    strings: Vec<u8>,
    count: u32,
}

impl Writer {
    fn name(&mut self, name: &str) -> u32 {
        let at = self.strings.len() as u32;
        self.strings.extend_from_slice(name.as_bytes());
        self.strings.push(0);
        // The first string is the empty one.
        if name.is_empty() { 0 } else { at }
    }

    fn add(&mut self, kind: Kind, name: &str, size: u32, parts: &[u32]) -> u32 {
        let (_, each) = kind.words();
        let count = parts.len().checked_div(each).unwrap_or_default() as u32;
        let name = self.name(name);
        self.words.extend_from_slice(&[name, (kind as u32) << 24 | count, size]);
        self.words.extend_from_slice(parts);
        self.count += 1;
        self.count
    }

    /// The header, the types, the strings.
    fn finish(self) -> Vec<u8> {
        let length = self.words.len() as u32 * 4;
        let mut bytes = MAGIC.to_ne_bytes().to_vec();
        bytes.extend_from_slice(&[1, 0]);
        let header = [HEADER as u32, 0, length, length, self.strings.len() as u32];
        bytes.extend(header.into_iter().chain(self.words).flat_map(u32::to_ne_bytes));
        bytes.extend_from_slice(&self.strings);
        bytes
    }
}

#[cfg(test)]
mod tests;
