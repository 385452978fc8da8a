//! Which computed tensors of a recording share memory.
//!
//! Each engine gives every slot one buffer: two tensors share a slot only if the last use of one
//! comes before the node that writes the other. Kept tensors share with nobody.

use crate::recording::{Recording, Source};

/// A plan of slots for the computed tensors of one recording.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    /// For each tensor, its slot; `None` unless computed.
    pub slot_of: Vec<Option<usize>>,
    /// Elements of each slot.
    pub slot_len: Vec<usize>,
}

/// Plans greedily in execution order: a freed slot of the closest sufficient size is taken
/// again, else the largest freed one grows, else a new one is made.
pub fn plan(recording: &Recording) -> Plan {
    let tensors = recording.tensors();
    let mut last_use = vec![None; tensors.len()];
    for (node_idx, node) in recording.nodes().iter().enumerate() {
        for id in node.inputs.iter().chain(&node.outputs) {
            last_use[id.index()] = Some(node_idx);
        }
    }
    let mut plan = Plan { slot_of: vec![None; tensors.len()], slot_len: Vec::new() };
    let mut free: Vec<usize> = Vec::new();
    for (node_idx, node) in recording.nodes().iter().enumerate() {
        for id in &node.outputs {
            let tensor = recording.tensor(*id);
            if !matches!(tensor.source, Source::Computed(_)) {
                continue;
            }
            let len = tensor.shape.len();
            let slot =
                if tensor.kept { None } else { take_slot(&mut free, &mut plan.slot_len, len) };
            let slot = slot.unwrap_or_else(|| {
                plan.slot_len.push(len);
                plan.slot_len.len() - 1
            });
            plan.slot_of[id.index()] = Some(slot);
        }
        for id in node.inputs.iter().chain(&node.outputs) {
            if last_use[id.index()] == Some(node_idx)
                && !tensors[id.index()].kept
                && let Some(slot) = plan.slot_of[id.index()]
                // A tensor may stand twice among them.
                && !free.contains(&slot)
            {
                free.push(slot);
            }
        }
    }
    plan
}

fn take_slot(free: &mut Vec<usize>, slot_len: &mut [usize], len: usize) -> Option<usize> {
    let sufficient = (0..free.len())
        .filter(|&idx| slot_len[free[idx]] >= len)
        .min_by_key(|&idx| slot_len[free[idx]]);
    let idx = sufficient.or_else(|| (0..free.len()).max_by_key(|&idx| slot_len[free[idx]]))?;
    let slot = free.swap_remove(idx);
    slot_len[slot] = slot_len[slot].max(len);
    Some(slot)
}
