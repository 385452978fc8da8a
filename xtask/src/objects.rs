//! What lies in a module's memory at its start, object by object, and who knows where each is: from
//! the linker's relocations (`--emit-relocs`; the form is that of LLVM's tool conventions,
//! <https://github.com/WebAssembly/tool-conventions/blob/main/Linking.md>). An object that only
//! functions of a later part know, or objects that only these know, can come with that part
//! (`split.rs`): nothing else can have its address. The same holds for places in the table of
//! functions, which tables of methods hold.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;

use anyhow::{Context, Result, bail, ensure};
use walrus::ir::{
    AtomicNotify, AtomicRmw, AtomicWait, Cmpxchg, Const, Instr, InstrLocId, Load, LoadSimd, Store,
    Value, Visitor, dfs_in_order,
};
use walrus::{FunctionId, FunctionKind, Module, ModuleConfig};

use crate::binary::{CODE, CUSTOM, DATA, Reader, put_number, sections};

/// Subsection of "linking" that lists the segments.
const SEGMENTS: u8 = 5;
/// Subsection of "linking" that lists the symbols.
const SYMBOLS: u8 = 8;
/// What of its neighbours is cheaper to send as zeros than as a segment of its own, in bytes.
const GAP: usize = 8;

/// The objects in the memory of one module; none are known of a module that was linked otherwise.
#[derive(Default)]
pub struct Objects {
    /// In the order of their addresses, none of which two have.
    objects: Vec<Object>,
    /// By the numbers that stand for addresses in code: an object's own, or near it.
    named: Numbers,
    /// The same for each function of a name.
    named_by: HashMap<String, Numbers>,
    /// Numbers that stand for places in the table of functions in code.
    named_slots: BTreeSet<u32>,
    /// What bytes outside all objects refer to.
    roots: Known,
}

struct Object {
    at: Range<u32>,
    is_constant: bool,
    refers_to: Known,
}

/// Objects by what stands for their addresses.
type Numbers = HashMap<u32, Set>;

/// Objects by their numbers.
pub type Set = BTreeSet<usize>;

/// What someone can get to.
#[derive(Clone, Default)]
pub struct Known {
    pub objects: Set,
    /// Places in the table of functions.
    pub slots: BTreeSet<u32>,
}

impl Known {
    /// Adds what another knows.
    pub fn extend(&mut self, other: Self) {
        self.objects.extend(other.objects);
        self.slots.extend(other.slots);
    }
}

impl Objects {
    /// Reads what the linker says and takes it out of the module.
    ///
    /// # Errors
    /// If the module is not what LLVM's linker writes, without position-independent code.
    pub fn take(wasm: &[u8]) -> Result<(Self, Vec<u8>)> {
        let mut rest = wasm.get(..8).context("no module")?.to_vec();
        let (mut linking, mut relocations) = (None, Vec::new());
        let sections = sections(wasm)?;
        for (id, body) in &sections {
            let mut reader = Reader::of(body);
            if *id == CUSTOM {
                match reader.text()? {
                    "linking" => {
                        linking = Some(reader);
                        continue;
                    }
                    "reloc.CODE" | "reloc.DATA" => {
                        relocations.push(reader);
                        continue;
                    }
                    name if name.starts_with("reloc.") => continue,
                    _ => {}
                }
            }
            rest.push(*id);
            put_number(&mut rest, body.len() as u64);
            rest.extend(*body);
        }
        let Some(linking) = linking else { return Ok((Self::default(), rest)) };
        let data = sections.iter().find(|(id, _)| *id == DATA);
        let segments = segments(data.map(|(_, body)| *body).unwrap_or_default())?;
        let symbols = symbols(linking, &segments)?;
        let mut objects = Self::of(&symbols);
        let mut mentions = Vec::new();
        for mut reader in relocations {
            let section = usize::try_from(reader.number()?)?;
            let (id, body) = *sections.get(section).context("a relocation of no section")?;
            for _ in 0..reader.number()? {
                if let Some(relocation) = relocation(&mut reader, &symbols)? {
                    let mention = objects.add(id, body, &segments, relocation)?;
                    mentions.extend(mention);
                }
            }
        }
        objects.name(&mentions, &Functions::of(wasm)?);
        Ok((objects, rest))
    }

    fn of(symbols: &[Option<Symbol>]) -> Self {
        let sized = symbols.iter().flatten().filter(|symbol| !symbol.at.is_empty());
        let by_start: BTreeMap<(u32, u32), bool> =
            sized.map(|symbol| ((symbol.at.start, symbol.at.end), symbol.is_constant)).collect();
        let mut objects: Vec<Object> = Vec::new();
        for ((start, end), is_constant) in by_start {
            match objects.last_mut() {
                // Two names of one thing, or one thing in another.
                Some(last) if start < last.at.end => {
                    last.at.end = last.at.end.max(end);
                    last.is_constant &= is_constant;
                }
                _ => objects.push(Object {
                    at: start..end,
                    is_constant,
                    refers_to: Known::default(),
                }),
            }
        }
        Self { objects, ..Self::default() }
    }

    /// Notes by which numbers code knows objects. The end of one is the start of the next: who knows the
    /// first by that number does not know the second.
    fn name(&mut self, mentions: &[Mention], functions: &Functions) {
        for mention in mentions {
            self.named.entry(mention.value).or_default().insert(mention.of);
            if let Some(name) = functions.at(mention.place) {
                let named = self.named_by.entry(name.to_owned()).or_default();
                named.entry(mention.value).or_default().insert(mention.of);
            }
        }
    }

    /// Notes what a relocation of a section is about; what code mentions is the answer.
    fn add(
        &mut self,
        id: u8,
        body: &[u8],
        segments: &[Segment],
        relocation: Relocation,
    ) -> Result<Option<Mention>> {
        let Relocation { place, of } = relocation;
        let mut written =
            Reader::of(body.get(place as usize..).context("a relocation of nothing")?);
        // In code an unsigned offset or a signed constant: the same but for the last bit.
        let (value, mask) = match id {
            DATA => {
                let bytes = written.take(4)?;
                (bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte)), u32::MAX)
            }
            _ => (written.signed()? as u32, u32::MAX >> 1),
        };
        let to = match of {
            Of::Slot => None,
            Of::Object { start, value: expected } => {
                ensure!(value & mask == expected & mask, "not what a relocation says stands there");
                Some((self.at(start).context("a relocation of no object")?, expected))
            }
        };
        if id != DATA {
            if to.is_none() {
                self.named_slots.insert(value);
            }
            return Ok(to.map(|(of, value)| Mention { place, of, value }));
        }
        let segment = segments.iter().find(|segment| segment.holds(place));
        let segment = segment.context("a relocation between segments")?;
        let knows = match self.at(segment.address + (place - segment.place)) {
            Some(from) => &mut self.objects[from].refers_to,
            None => &mut self.roots,
        };
        match to {
            Some((to, _)) => knows.objects.insert(to),
            None => knows.slots.insert(value),
        };
        Ok(None)
    }

    /// The object at an address.
    fn at(&self, address: u32) -> Option<usize> {
        let next = self.objects.partition_point(|object| object.at.start <= address);
        next.checked_sub(1).filter(|idx| self.objects[*idx].at.contains(&address))
    }

    /// What functions of the module can get to, apart from some of which that is known.
    pub fn reached(&self, module: &Module, apart: &HashSet<FunctionId>) -> Known {
        let mut finder = Finder { objects: self, named: &self.named, found: Known::default() };
        for function in module.funcs.iter().filter(|function| !apart.contains(&function.id())) {
            if let FunctionKind::Local(local) = &function.kind {
                // What was added later has what any function has.
                let own = function.name.as_ref().and_then(|name| self.named_by.get(name));
                finder.named = own.unwrap_or(&self.named);
                dfs_in_order(&mut finder, local, local.entry_block());
            }
        }
        self.closed(finder.found)
    }

    /// What is needed whoever runs.
    pub fn rooted(&self) -> Known {
        self.closed(self.roots.clone())
    }

    fn closed(&self, from: Known) -> Known {
        let mut open: Vec<usize> = from.objects.iter().copied().collect();
        let mut closed = from;
        while let Some(object) = open.pop() {
            let more = &self.objects[object].refers_to;
            open.extend(more.objects.iter().filter(|other| closed.objects.insert(**other)));
            closed.slots.extend(&more.slots);
        }
        closed
    }

    /// Places in the table of functions of which it is known who knows them.
    pub fn slots(&self) -> BTreeSet<u32> {
        let in_memory = self.objects.iter().flat_map(|object| &object.refers_to.slots);
        in_memory.chain(&self.named_slots).copied().collect()
    }

    /// What of each later part's objects comes with it: what the first part does not know either,
    /// and if it may change, no other part.
    pub fn of_parts(&self, first: &mut Set, later: &[Set]) -> Vec<Set> {
        let n_parts = |object: &usize| later.iter().filter(|part| part.contains(object)).count();
        let shared = later.iter().flatten();
        let shared =
            shared.filter(|object| !self.objects[**object].is_constant && n_parts(object) > 1);
        first.extend(shared);
        later.iter().map(|part| part.difference(first).copied().collect()).collect()
    }

    /// What of a segment at `start` is to be sent with the first part: its objects, and what is in
    /// none; neighbours together.
    pub fn first_chunks(&self, start: u32, bytes: &[u8], first: &Set) -> Vec<(u32, Vec<u8>)> {
        let mut sent = bytes.to_vec();
        let objects = self.objects.iter().enumerate().filter(|(idx, _)| !first.contains(idx));
        for (_, object) in objects {
            if let Some(at) = within(&object.at, start, bytes.len()) {
                sent[at].fill(0);
            }
        }
        chunks(start, &sent)
    }

    /// What of a segment at `start` a later part with these objects brings.
    pub fn later_chunks(&self, start: u32, bytes: &[u8], part: &Set) -> Vec<(u32, Vec<u8>)> {
        let mut brought: Vec<(u32, Vec<u8>)> = Vec::new();
        for object in part.iter().map(|idx| &self.objects[*idx]) {
            let Some(at) = within(&object.at, start, bytes.len()) else { continue };
            let bytes = &bytes[at];
            match brought.last_mut() {
                Some((start, run)) if *start + run.len() as u32 == object.at.start => {
                    run.extend(bytes);
                }
                _ => brought.push((object.at.start, bytes.to_vec())),
            }
        }
        brought
    }
}

/// Where in a segment at `start` an object lies.
fn within(at: &Range<u32>, start: u32, n_bytes: usize) -> Option<Range<usize>> {
    let place = at.start.checked_sub(start)? as usize;
    (place < n_bytes).then(|| place..(place + at.len()).min(n_bytes))
}

/// The bytes that are not zero, as memory is before anything is sent, with short gaps between.
fn chunks(start: u32, bytes: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let mut chunks: Vec<(u32, Vec<u8>)> = Vec::new();
    for (place, byte) in bytes.iter().enumerate().filter(|(_, byte)| **byte != 0) {
        let address = start + place as u32;
        match chunks.last_mut() {
            Some((start, chunk)) if address as usize - *start as usize <= chunk.len() + GAP => {
                chunk.resize((address - *start) as usize, 0);
                chunk.push(*byte);
            }
            _ => chunks.push((address, vec![*byte])),
        }
    }
    chunks
}

/// A number in code that stands for an address in or near an object.
struct Mention {
    /// In the section of code.
    place: u32,
    of: usize,
    value: u32,
}

/// Where the functions of a module begin in its section of code, and their names.
struct Functions(Vec<(u32, Option<String>)>);

impl Functions {
    fn of(wasm: &[u8]) -> Result<Self> {
        let sections = sections(wasm)?;
        let code = sections.iter().find(|(id, _)| *id == CODE);
        let code = code.map(|(_, body)| *body).unwrap_or_default();
        let mut reader = Reader::of(code);
        let n_bodies = if code.is_empty() { 0 } else { reader.number()? };
        let mut starts = Vec::new();
        for _ in 0..n_bodies {
            starts.push((code.len() - reader.rest().len()) as u32);
            let length = reader.number()?;
            reader.take(length)?;
        }
        let module = ModuleConfig::new().parse(wasm)?;
        let names = module.funcs.iter_local().map(|(id, _)| module.funcs.get(id).name.as_deref());
        let names: Vec<_> = names.map(|name| name.map(readable)).collect();
        ensure!(names.len() == starts.len(), "functions without a body");
        Ok(Self(starts.into_iter().zip(names).collect()))
    }

    /// The name of the function around a place.
    fn at(&self, place: u32) -> Option<&str> {
        let next = self.0.partition_point(|(start, _)| *start <= place);
        self.0[next.checked_sub(1)?].1.as_deref()
    }
}

/// A function's name as wasm-bindgen writes it.
fn readable(name: &str) -> String {
    match rustc_demangle::try_demangle(name) {
        Ok(name) => name.to_string(),
        Err(_) => name.to_owned(),
    }
}

/// A segment of the section of data: where its bytes are in that and in memory.
struct Segment {
    place: u32,
    address: u32,
    n_bytes: u32,
}

impl Segment {
    fn holds(&self, place: u32) -> bool {
        (self.place..self.place + self.n_bytes).contains(&place)
    }
}

fn segments(body: &[u8]) -> Result<Vec<Segment>> {
    let mut reader = Reader::of(body);
    if body.is_empty() {
        return Ok(Vec::new());
    }
    let n_segments = reader.number()?;
    let mut segments = Vec::new();
    for _ in 0..n_segments {
        ensure!(reader.number()? == 0, "data that is not in memory from the start");
        ensure!(reader.byte()? == 0x41, "data without a fixed place");
        let address = reader.signed()? as u32;
        ensure!(reader.byte()? == 0x0b, "data without a fixed place");
        let n_bytes = reader.small()?;
        let place = (body.len() - reader.rest().len()) as u32;
        reader.take(n_bytes.into())?;
        segments.push(Segment { place, address, n_bytes });
    }
    Ok(segments)
}

/// A symbol of data.
#[derive(Clone)]
struct Symbol {
    at: Range<u32>,
    is_constant: bool,
}

/// The symbols by their numbers; nothing in the place of those that are not data of this module.
fn symbols(mut reader: Reader, segments: &[Segment]) -> Result<Vec<Option<Symbol>>> {
    ensure!(reader.number()? == 2, "another version of the linker's section");
    let mut constant = Vec::new();
    let mut symbols = Vec::new();
    while !reader.rest().is_empty() {
        let kind = reader.byte()?;
        let n_bytes = reader.number()?;
        let mut body = Reader::of(reader.take(n_bytes)?);
        match kind {
            SEGMENTS => {
                for _ in 0..body.number()? {
                    constant.push(body.text()?.starts_with(".rodata"));
                    body.number()?;
                    body.number()?;
                }
            }
            SYMBOLS => {
                for _ in 0..body.number()? {
                    symbols.push(symbol(&mut body, segments, &constant)?);
                }
            }
            _ => {}
        }
    }
    Ok(symbols)
}

fn symbol(reader: &mut Reader, segments: &[Segment], constant: &[bool]) -> Result<Option<Symbol>> {
    const UNDEFINED: u64 = 0x10;
    const NAMED: u64 = 0x40;
    let kind = reader.byte()?;
    let flags = reader.number()?;
    let is_defined = flags & UNDEFINED == 0;
    match kind {
        0 | 2 | 4 | 5 => {
            reader.number()?;
            if is_defined || flags & NAMED != 0 {
                reader.text()?;
            }
        }
        1 => {
            let name = reader.text()?;
            let is_bound = name.starts_with("__start_") || name.starts_with("__stop_");
            ensure!(!is_bound, "`{name}` stands for objects that it does not name");
            if !is_defined {
                return Ok(None);
            }
            let (segment, offset, n_bytes) =
                (reader.number()? as usize, reader.small()?, reader.small()?);
            let Some(home) = segments.get(segment).filter(|_| n_bytes > 0) else {
                return Ok(None);
            };
            let start = home.address + offset;
            let is_constant = constant.get(segment).copied().unwrap_or(false);
            return Ok(Some(Symbol { at: start..start + n_bytes, is_constant }));
        }
        3 => {
            reader.number()?;
        }
        _ => bail!("a symbol of an unknown kind, {kind}"),
    }
    Ok(None)
}

/// A place in a section where the linker put an address.
struct Relocation {
    place: u32,
    of: Of,
}

/// What an address is of.
enum Of {
    /// A place in the table of functions.
    Slot,
    /// The object whose symbol starts there; `value` is in it or near it.
    Object { start: u32, value: u32 },
}

/// The next relocation; nothing for one that is about something else.
fn relocation(reader: &mut Reader, symbols: &[Option<Symbol>]) -> Result<Option<Relocation>> {
    let kind = reader.byte()?;
    let place = reader.small()?;
    let symbol = usize::try_from(reader.number()?)?;
    match kind {
        // R_WASM_TABLE_INDEX_SLEB and _I32.
        1 | 2 => Ok(Some(Relocation { place, of: Of::Slot })),
        // R_WASM_MEMORY_ADDR_LEB, _SLEB and _I32.
        3..=5 => {
            let addend = reader.signed()?;
            let symbol = symbols.get(symbol).context("a relocation of no symbol")?;
            Ok(symbol.as_ref().map(|symbol| {
                let start = symbol.at.start;
                let value = (i64::from(start) + addend) as u32;
                Relocation { place, of: Of::Object { start, value } }
            }))
        }
        // R_WASM_FUNCTION_OFFSET_I32 and R_WASM_SECTION_OFFSET_I32.
        8 | 9 => {
            reader.signed()?;
            Ok(None)
        }
        // Functions, tables, types, globals and tags.
        0 | 6 | 7 | 10 | 13 | 20 | 26 => Ok(None),
        _ => bail!("a relocation of an unknown kind, {kind}"),
    }
}

/// Looks for numbers that stand for addresses.
struct Finder<'a> {
    objects: &'a Objects,
    /// The numbers of the function that is looked at.
    named: &'a Numbers,
    found: Known,
}

impl<'instr> Visitor<'instr> for Finder<'_> {
    fn visit_instr(&mut self, instr: &'instr Instr, _: &'instr InstrLocId) {
        let number = match instr {
            Instr::Const(Const { value: Value::I32(value) }) => *value as u32,
            Instr::Load(Load { arg, .. })
            | Instr::LoadSimd(LoadSimd { arg, .. })
            | Instr::Store(Store { arg, .. })
            | Instr::AtomicRmw(AtomicRmw { arg, .. })
            | Instr::Cmpxchg(Cmpxchg { arg, .. })
            | Instr::AtomicNotify(AtomicNotify { arg, .. })
            | Instr::AtomicWait(AtomicWait { arg, .. }) => arg.offset as u32,
            _ => return,
        };
        if let Some(objects) = self.named.get(&number) {
            self.found.objects.extend(objects);
        }
        if self.objects.named_slots.contains(&number) {
            self.found.slots.insert(number);
        }
    }
}

#[cfg(test)]
mod tests;
