use crate::Step;
use crate::engine::testing::compare;
use crate::tensor::DType;

const ALL_BLOCKS: [DType; 10] = [
    DType::Q8_0,
    DType::Q4_0,
    DType::Q4_1,
    DType::Q5_0,
    DType::Q5_1,
    DType::IQ4_NL,
    DType::Q4_K,
    DType::Q5_K,
    DType::Q6_K,
    DType::I8,
];

#[test]
fn gather() {
    for dtype in [DType::F32, DType::F16, DType::BF16] {
        for d in [1, 63, 65, 96, 1757] {
            compare(0.0, Step::default(), |bench| {
                let table = bench.weight([97, d], dtype);
                let ids = bench.indices(vec![0, 96, 3, 3, 50, 97, u32::MAX]);
                let y = bench.recorder.gather(table, ids).expect("fits");
                bench.keep(y);
            });
        }
    }
    for dtype in ALL_BLOCKS {
        for d in [32, 96, 1760, 256, 768] {
            if d % dtype.block_len() != 0 {
                continue;
            }
            compare(1e-6, Step::default(), |bench| {
                let table = bench.weight([97, d], dtype);
                let ids = bench.indices(vec![0, 96, 3, 3, 50, 97, u32::MAX]);
                let y = bench.recorder.gather(table, ids).expect("fits");
                bench.keep(y);
            });
        }
    }
}

#[test]
fn a_computed_table() {
    compare(0.0, Step::default(), |bench| {
        let x = bench.normal([9, 33]);
        let table = bench.recorder.add(x, x).expect("fits");
        let ids = bench.indices(vec![8, 0, 9]);
        let y = bench.recorder.gather(table, ids).expect("fits");
        bench.keep(y);
    });
}
