//! Cuts a module in two or more: the functions that the first attention map needs, and parts that
//! come later. A function of a later part is, in the first, a few instructions that fetch the part
//! and call what it brought through the table of functions; so nothing in the source says where the
//! cut is. Which functions are needed is measured (`cargo xtask first-paint`), not guessed.
//!
//! The parts share memory, tables and globals. The script beside the module gets a function that
//! loads a part at once (`load`, called by such a stub) and one that loads all in the background
//! (`rest`).

use std::collections::{BTreeMap, BTreeSet, HashSet};

use anyhow::{Context, Result, bail, ensure};
use walrus::ir::{BinaryOp, Value};
use walrus::{
    ConstExpr, DataKind, ElementItems, ElementKind, Export, ExportItem, FunctionBuilder,
    FunctionId, FunctionKind, GlobalId, GlobalKind, ImportedFunction, MemoryId, Module,
    ModuleConfig, RefType, TableId, ValType,
};

use crate::objects::{Known, Objects, Set};

/// What the first part exports for the later ones, and what it imports, is under this name.
const FIRST: &str = "v";

/// A module in parts.
pub struct Split {
    /// The first part, which takes the place of the module.
    pub first: Vec<u8>,
    /// The later ones by their names, in the order of their numbers.
    pub later: Vec<(&'static str, Vec<u8>)>,
}

/// Cuts the module. `part_of` says to which of `parts` a function belongs, by its name; `None` is
/// the first part.
///
/// # Errors
/// If the module is not one that wasm-bindgen wrote, with one table of functions.
pub fn split(
    wasm: &[u8],
    parts: &[&'static str],
    part_of: impl Fn(&str) -> Option<usize>,
    objects: &Objects,
) -> Result<Split> {
    let mut first = parse(wasm)?;
    let plan = Plan::of(&first, &part_of)?;
    let (loaders, stand_ins) = plan.rewrite(&mut first, parts.len())?;
    let mut wanted = BTreeSet::new();
    let mut later = Vec::new();
    let mut known = Vec::new();
    for number in 0..parts.len() {
        let (part, stand_ins) = plan.part(parse(wasm)?, number, parts.len(), &mut wanted)?;
        known.push(objects.reached(&part, &stand_ins));
        later.push(part);
    }
    let names = names(&first, &wanted);
    plan.export(&mut first, &loaders, &names)?;
    later.iter_mut().for_each(|part| call_by(part, &names));
    walrus::passes::gc::run(&mut first);
    let mut known_first = objects.reached(&first, &stand_ins);
    known_first.extend(objects.rooted());
    plan.leave_out(&mut first, objects, &known_first, &known)?;
    walrus::passes::gc::run(&mut first);
    share_out(objects, (&mut first, known_first), &mut later, known)?;
    let later = later.iter_mut().map(Module::emit_wasm);
    Ok(Split { first: first.emit_wasm(), later: parts.iter().copied().zip(later).collect() })
}

/// Moves what the first part does not know of what lies in memory to the later ones, and drops what
/// nobody knows.
fn share_out(
    objects: &Objects,
    (first, known_first): (&mut Module, Known),
    later: &mut [Module],
    known: Vec<Known>,
) -> Result<()> {
    let mut of_first = known_first.objects;
    let mut reached = Vec::new();
    for (part, known) in later.iter().zip(known) {
        reached.push(known.objects);
        if part.memories.iter().next().is_none() {
            // It passes addresses on and has no use for memory itself.
            of_first.extend(reached.pop().unwrap_or_default());
            reached.push(Set::new());
        }
    }
    let of_parts = objects.of_parts(&mut of_first, &reached);
    let segments: Vec<_> = first.data.iter().map(|data| data.id()).collect();
    for id in segments {
        let data = first.data.get_mut(id);
        let DataKind::Active { memory, offset: ConstExpr::Value(Value::I32(start)) } = data.kind
        else {
            bail!("data without a fixed place");
        };
        let (start, bytes) = (start as u32, std::mem::take(&mut data.value));
        first.data.delete(id);
        first.memories.get_mut(memory).data_segments.remove(&id);
        add_chunks(first, memory, objects.first_chunks(start, &bytes, &of_first));
        for (part, objects_of_part) in later.iter_mut().zip(&of_parts) {
            let memory = part.memories.iter().next().map(|memory| memory.id());
            if let Some(memory) = memory {
                add_chunks(part, memory, objects.later_chunks(start, &bytes, objects_of_part));
            }
        }
    }
    Ok(())
}

fn add_chunks(module: &mut Module, memory: MemoryId, chunks: Vec<(u32, Vec<u8>)>) {
    for (start, bytes) in chunks {
        let offset = ConstExpr::Value(Value::I32(start as i32));
        let id = module.data.add(DataKind::Active { memory, offset }, bytes);
        module.memories.get_mut(memory).data_segments.insert(id);
    }
}

/// The module's script with what loads the later parts: files `STEM_PART.wasm` beside it.
///
/// # Errors
/// If the script is not what wasm-bindgen writes.
pub fn glue(js: &str, stem: &str, parts: &[&str]) -> Result<String> {
    const IMPORTS: &str = "_bg.js\": import0,";
    ensure!(js.matches(IMPORTS).count() == 1, "the script has another form than this expects");
    let files: Vec<String> = parts.iter().map(|part| format!("\"{stem}_{part}.wasm\"")).collect();
    let js = js.replace(IMPORTS, &format!("{IMPORTS} {FIRST}: {{ l: loadPart }},"));
    let loader = include_str!("split.js").replace("\"PARTS\"", &files.join(", "));
    Ok(format!("{js}\n{loader}"))
}

fn parse(wasm: &[u8]) -> Result<Module> {
    let mut config = ModuleConfig::new();
    config.generate_name_section(false).generate_producers_section(false);
    config.parse(wasm)
}

/// The name of a function as it is in every build: without the hashes of the crates in it, and
/// without the numbers that tell functions of one name apart.
pub fn stable_name(name: &str) -> String {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let name = match name.strip_suffix(']').and_then(|name| name.rsplit_once('[')) {
        Some((path, number)) if is_number(number) => path,
        _ => name,
    };
    let name = match name.rsplit_once('.') {
        Some((path, number)) if is_number(number) => path,
        _ => name,
    };
    let mut stable = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(open) = rest.find('[') {
        let (before, bracket) = rest.split_at(open);
        let n_digits = bracket[1..].bytes().take_while(u8::is_ascii_hexdigit).count();
        stable.push_str(before);
        rest = match n_digits >= 12 && bracket[1 + n_digits..].starts_with(']') {
            true => &bracket[n_digits + 2..],
            false => {
                stable.push('[');
                &bracket[1..]
            }
        };
    }
    stable + rest
}

/// What goes where. Functions are known by their index, since each copy of the module that is
/// parsed has identifiers of its own.
struct Plan {
    /// Part of each function that is not in the first.
    parts: BTreeMap<usize, usize>,
    /// Where in the table each of them stands.
    slots: BTreeMap<usize, u32>,
    /// Entries that the table gets beside those it has.
    n_added: u64,
}

impl Plan {
    fn of(module: &Module, part_of: &impl Fn(&str) -> Option<usize>) -> Result<Self> {
        let mut parts = BTreeMap::new();
        for (idx, function) in module.funcs.iter().enumerate() {
            let name = function.name.as_deref().unwrap_or_default();
            let is_local = matches!(function.kind, FunctionKind::Local(_));
            if let Some(part) = part_of(&stable_name(name)).filter(|_| is_local && !name.is_empty())
            {
                parts.insert(idx, part);
            }
        }
        let table = functions(module)?;
        let is_table =
            |export: &Export| matches!(export.item, ExportItem::Table(id) if id == table);
        ensure!(!module.exports.iter().any(is_table), "the script calls functions of the table");
        let mut slots = BTreeMap::new();
        let indices = indices(module);
        for element in module.elements.iter() {
            let (ElementKind::Active { table: of, offset }, ElementItems::Functions(items)) =
                (&element.kind, &element.items)
            else {
                continue;
            };
            let ConstExpr::Value(Value::I32(offset)) = offset else { bail!("a moving table") };
            ensure!(*of == table, "functions stand in two tables");
            for (place, function) in items.iter().enumerate() {
                if parts.contains_key(&indices[function]) {
                    slots.insert(indices[function], *offset as u32 + place as u32);
                }
            }
        }
        let mut next = module.tables.get(table).initial as u32;
        let n_before = next;
        for idx in parts.keys() {
            slots.entry(*idx).or_insert_with(|| {
                next += 1;
                next - 1
            });
        }
        Ok(Self { parts, slots, n_added: u64::from(next - n_before) })
    }

    /// Turns every function of a later part into one that fetches the part and calls it. Returns
    /// for each part the function that fetches it, and those that were turned.
    fn rewrite(
        &self,
        module: &mut Module,
        n_parts: usize,
    ) -> Result<(Vec<FunctionId>, HashSet<FunctionId>)> {
        let table = functions(module)?;
        let entry = module.tables.get_mut(table);
        entry.initial += self.n_added;
        entry.maximum = entry.maximum.map(|n| n + self.n_added);
        let ty = module.types.add(&[ValType::I32], &[]);
        let (load, _) = module.add_import_func(FIRST, "l", ty);
        let loaders: Vec<FunctionId> =
            (0..n_parts).map(|part| ensure_loaded(module, load, part)).collect();
        let ids: Vec<FunctionId> = module.funcs.iter().map(|function| function.id()).collect();
        for (idx, part) in &self.parts {
            self.stand_in(module, table, ids[*idx], *idx, loaders[*part]);
        }
        Ok((loaders, self.parts.keys().map(|idx| ids[*idx]).collect()))
    }

    /// Takes functions out of the first part's table that only their own part can find there: it
    /// puts them where it expects them.
    fn leave_out(
        &self,
        first: &mut Module,
        objects: &Objects,
        known_first: &Known,
        known: &[Known],
    ) -> Result<()> {
        let listed = objects.slots();
        let is_free = |slot: u32, part: usize| {
            let others = known.iter().enumerate().filter(|(other, _)| *other != part);
            let mut others = others.map(|(_, known)| known).chain([known_first]);
            listed.contains(&slot) && !others.any(|known| known.slots.contains(&slot))
        };
        let free: HashSet<u32> = self
            .slots
            .iter()
            .filter(|(idx, slot)| is_free(**slot, self.parts[*idx]))
            .map(|(_, slot)| *slot)
            .collect();
        let mut builder = FunctionBuilder::new(&mut first.types, &[], &[]);
        builder.func_body().unreachable();
        let nobody = builder.finish(Vec::new(), &mut first.funcs);
        for element in first.elements.iter_mut() {
            let ElementKind::Active { offset: ConstExpr::Value(Value::I32(offset)), .. } =
                element.kind
            else {
                bail!("a moving table");
            };
            let ElementItems::Functions(items) = &mut element.items else { continue };
            for (place, item) in items.iter_mut().enumerate() {
                if free.contains(&(offset as u32 + place as u32)) {
                    *item = nobody;
                }
            }
        }
        Ok(())
    }

    /// Makes of a function one that has its part loaded and calls what that put into the table.
    fn stand_in(
        &self,
        module: &mut Module,
        table: TableId,
        id: FunctionId,
        idx: usize,
        loader: FunctionId,
    ) {
        let ty = module.funcs.get(id).ty();
        let (params, results) = module.types.params_results(ty);
        let (params, results) = (params.to_vec(), results.to_vec());
        let args: Vec<_> = params.iter().map(|ty| module.locals.add(*ty)).collect();
        let mut builder = FunctionBuilder::new(&mut module.types, &params, &results);
        let mut body = builder.func_body();
        body.call(loader);
        for arg in &args {
            body.local_get(*arg);
        }
        body.i32_const(self.slots[&idx] as i32).call_indirect(ty, table);
        module.funcs.get_mut(id).kind = FunctionKind::Local(builder.local_func(args));
    }

    /// A later part: its functions, which put themselves into the table, and which of its functions
    /// stand in for those of other parts. What they need of the first part goes into `wanted`.
    fn part(
        &self,
        mut module: Module,
        number: usize,
        n_parts: usize,
        wanted: &mut BTreeSet<Item>,
    ) -> Result<(Module, HashSet<FunctionId>)> {
        let table = functions(&module)?;
        let roots: Vec<_> = module.exports.iter().map(|export| export.id()).collect();
        roots.into_iter().for_each(|id| module.exports.delete(id));
        module.start = None;
        let data: Vec<_> = module.data.iter().map(|data| data.id()).collect();
        data.into_iter().for_each(|id| module.data.delete(id));
        let elements: Vec<_> = module.elements.iter().map(|element| element.id()).collect();
        elements.into_iter().for_each(|id| module.elements.delete(id));
        module.memories.iter_mut().for_each(|memory| memory.data_segments.clear());
        module.tables.iter_mut().for_each(|table| table.elem_segments.clear());

        let (mut items, mut stand_ins) = (Vec::new(), HashSet::new());
        let ids: Vec<FunctionId> = module.funcs.iter().map(|function| function.id()).collect();
        let ty = module.types.add(&[], &[]);
        let loaders: Vec<FunctionId> = (0..n_parts)
            .map(|part| {
                let item = Item::Loader(part);
                let (loader, import) = module.add_import_func(FIRST, &item.name(), ty);
                items.push((import, item));
                loader
            })
            .collect();
        for (idx, id) in ids.into_iter().enumerate() {
            match self.parts.get(&idx) {
                Some(part) if *part == number => continue,
                // Not by way of the first part, which then need not know of it.
                Some(part) => {
                    self.stand_in(&mut module, table, id, idx, loaders[*part]);
                    stand_ins.insert(id);
                    continue;
                }
                None => {}
            }
            let item = Item::Function(idx);
            match &module.funcs.get(id).kind {
                FunctionKind::Import(import) => {
                    let import = module.imports.get_mut(import.import);
                    (import.module, import.name) = (FIRST.to_owned(), item.name());
                    items.push((import.id(), item));
                }
                _ => {
                    let ty = module.funcs.get(id).ty();
                    let import = module.imports.add(FIRST, &item.name(), id);
                    module.funcs.get_mut(id).kind =
                        FunctionKind::Import(ImportedFunction { import, ty });
                    items.push((import, item));
                }
            }
        }
        for (idx, id) in
            module.globals.iter().map(|global| global.id()).enumerate().collect::<Vec<_>>()
        {
            let import = module.imports.add(FIRST, &Item::Global(idx).name(), id);
            module.globals.get_mut(id).kind = GlobalKind::Import(import);
            items.push((import, Item::Global(idx)));
        }
        for (idx, id) in
            module.tables.iter().map(|table| table.id()).enumerate().collect::<Vec<_>>()
        {
            let import = module.imports.add(FIRST, &Item::Table(idx).name(), id);
            module.tables.get_mut(id).import = Some(import);
            items.push((import, Item::Table(idx)));
            if id == table {
                let entry = module.tables.get_mut(id);
                entry.initial += self.n_added;
                entry.maximum = entry.maximum.map(|n| n + self.n_added);
            }
        }
        for (idx, id) in
            module.memories.iter().map(|memory| memory.id()).enumerate().collect::<Vec<_>>()
        {
            let import = module.imports.add(FIRST, &Item::Memory(idx).name(), id);
            module.memories.get_mut(id).import = Some(import);
            items.push((import, Item::Memory(idx)));
        }
        self.fill(&mut module, table, number);
        walrus::passes::gc::run(&mut module);
        let left: BTreeSet<_> = module.imports.iter().map(|import| import.id()).collect();
        wanted.extend(items.iter().filter(|(id, _)| left.contains(id)).map(|(_, item)| *item));
        Ok((module, stand_ins))
    }

    /// The part's functions into the table, neighbours together.
    fn fill(&self, module: &mut Module, table: TableId, number: usize) {
        let ids: Vec<FunctionId> = module.funcs.iter().map(|function| function.id()).collect();
        let of_part = self.slots.iter().filter(|(idx, _)| self.parts[*idx] == number);
        let by_slot: BTreeMap<u32, FunctionId> =
            of_part.map(|(idx, slot)| (*slot, ids[*idx])).collect();
        let mut runs: Vec<(u32, Vec<FunctionId>)> = Vec::new();
        for (slot, id) in by_slot {
            match runs.last_mut() {
                Some((start, run)) if *start + run.len() as u32 == slot => run.push(id),
                _ => runs.push((slot, vec![id])),
            }
        }
        for (start, run) in runs {
            let offset = ConstExpr::Value(Value::I32(start as i32));
            let kind = ElementKind::Active { table, offset };
            let id = module.elements.add(kind, ElementItems::Functions(run));
            module.tables.get_mut(table).elem_segments.insert(id);
        }
    }

    /// Exports from the first part what the later ones ask for.
    fn export(
        &self,
        module: &mut Module,
        loaders: &[FunctionId],
        names: &BTreeMap<Item, String>,
    ) -> Result<()> {
        let functions: Vec<FunctionId> = module.funcs.iter().map(|item| item.id()).collect();
        let globals: Vec<GlobalId> = module.globals.iter().map(|item| item.id()).collect();
        let tables: Vec<TableId> = module.tables.iter().map(|item| item.id()).collect();
        let memories: Vec<_> = module.memories.iter().map(|item| item.id()).collect();
        for (item, name) in names {
            let missing = || format!("no {item:?} to export");
            match item {
                Item::Loader(part) => {
                    module.exports.add(name, loaders[*part]);
                }
                Item::Function(idx) => {
                    let id = *functions.get(*idx).with_context(missing)?;
                    module.exports.add(name, id);
                }
                Item::Global(idx) => {
                    let id = *globals.get(*idx).with_context(missing)?;
                    module.exports.add(name, id);
                }
                Item::Table(idx) => {
                    let id = *tables.get(*idx).with_context(missing)?;
                    module.exports.add(name, id);
                }
                Item::Memory(idx) => {
                    let id = *memories.get(*idx).with_context(missing)?;
                    module.exports.add(name, id);
                }
            }
        }
        Ok(())
    }
}

/// Something that the first part exports, by its index among its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Item {
    Function(usize),
    /// What fetches a part, by the part's number.
    Loader(usize),
    Global(usize),
    Table(usize),
    Memory(usize),
}

impl Item {
    /// What it is called until all that is wanted is known.
    fn name(self) -> String {
        match self {
            Self::Function(idx) => format!("{idx:x}"),
            Self::Loader(part) => format!("l{part}"),
            Self::Global(idx) => format!("g{idx}"),
            Self::Table(idx) => format!("t{idx}"),
            Self::Memory(idx) => format!("m{idx}"),
        }
    }
}

/// The shortest names that the script does not call something by.
fn names(first: &Module, wanted: &BTreeSet<Item>) -> BTreeMap<Item, String> {
    const LETTERS: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let taken: BTreeSet<&str> = first.exports.iter().map(|export| export.name.as_str()).collect();
    let name = |mut number: usize| {
        let mut name = String::new();
        loop {
            name.insert(0, char::from(LETTERS[number % LETTERS.len()]));
            number /= LETTERS.len();
            if number == 0 {
                return name;
            }
            number -= 1;
        }
    };
    let mut free = (0..).map(name).filter(|name| !taken.contains(name.as_str()));
    wanted.iter().filter_map(|item| Some((*item, free.next()?))).collect()
}

/// Gives what a part imports of the first its names there.
fn call_by(part: &mut Module, names: &BTreeMap<Item, String>) {
    let names: BTreeMap<String, &String> =
        names.iter().map(|(item, name)| (item.name(), name)).collect();
    for import in part.imports.iter_mut().filter(|import| import.module == FIRST) {
        if let Some(name) = names.get(&import.name) {
            import.name.clone_from(name);
        }
    }
}

/// A function that loads a part unless it is there.
fn ensure_loaded(module: &mut Module, load: FunctionId, part: usize) -> FunctionId {
    let is_loaded =
        module.globals.add_local(ValType::I32, true, false, ConstExpr::Value(Value::I32(0)));
    let mut builder = FunctionBuilder::new(&mut module.types, &[], &[]);
    let mut body = builder.func_body();
    body.global_get(is_loaded).i32_const(0).binop(BinaryOp::I32Eq).if_else(
        None,
        |then| {
            then.i32_const(part as i32).call(load).i32_const(1).global_set(is_loaded);
        },
        |_| {},
    );
    builder.finish(Vec::new(), &mut module.funcs)
}

/// The table that holds functions.
fn functions(module: &Module) -> Result<TableId> {
    let mut tables = module.tables.iter().filter(|table| table.element_ty == RefType::FUNCREF);
    let table = tables.next().context("no table of functions")?;
    ensure!(tables.next().is_none(), "more than one table of functions");
    Ok(table.id())
}

fn indices(module: &Module) -> std::collections::HashMap<FunctionId, usize> {
    module.funcs.iter().enumerate().map(|(idx, function)| (function.id(), idx)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_depend_on_the_build() {
        for (name, stable) in [
            ("core[0123456789abcdef]::fmt::write", "core::fmt::write"),
            (
                "<&[usize] as core[0123456789abcdef]::fmt::Debug>::fmt[1]",
                "<&[usize] as core::fmt::Debug>::fmt",
            ),
            ("a::b.3116", "a::b"),
            ("<[f32; 3]>::sum", "<[f32; 3]>::sum"),
        ] {
            assert_eq!(stable_name(name), stable);
        }
    }
}
