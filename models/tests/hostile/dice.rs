//! Decisions read off a byte string, so that proptest and libFuzzer steer the same generators.

/// A source of decisions; when the bytes run out every decision is 0.
pub struct Dice<'a> {
    bytes: std::slice::Iter<'a, u8>,
}

impl<'a> Dice<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes: bytes.iter() }
    }

    pub fn byte(&mut self) -> u8 {
        self.bytes.next().copied().unwrap_or(0)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        usize::from(self.byte()) % n
    }

    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// Small numbers, and those at which readers fall over.
    pub fn nasty(&mut self) -> u64 {
        const NASTY: [u64; 20] = [
            0,
            1,
            2,
            3,
            31,
            32,
            33,
            255,
            4096,
            65_536,
            65_537,
            (1 << 20) + 1,
            1 << 31,
            u32::MAX as u64,
            1 << 48,
            1 << 62,
            1 << 63,
            u64::MAX - 7,
            u64::MAX - 1,
            u64::MAX,
        ];
        if self.below(4) == 0 { self.u64() } else { self.pick(&NASTY) }
    }

    /// Damages a file in up to three places, half of the time.
    pub fn damage(&mut self, file: &mut Vec<u8>) {
        if self.below(2) == 0 {
            return;
        }
        for _ in 0..=self.below(3) {
            if file.is_empty() {
                return;
            }
            let position = (self.u64() % file.len() as u64) as usize;
            match self.below(5) {
                0 => file[position] ^= 1 << self.below(8),
                1 => file[position] = self.byte(),
                2 => file.truncate(position),
                3 => {
                    let value = self.nasty().to_le_bytes();
                    let end = file.len().min(position + 8);
                    file[position..end].copy_from_slice(&value[..end - position]);
                }
                _ => file.insert(position, self.byte()),
            }
        }
    }
}
