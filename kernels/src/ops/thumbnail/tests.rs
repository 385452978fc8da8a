use super::Thumbnail;
use crate::Step;
use crate::engine::testing::compare;

#[test]
fn thumbnail() {
    for (n, n_rows, past, thumbnail_from) in
        [(16, 16, 0, 0), (63, 10, 53, 0), (63, 1, 62, 62), (65, 3, 20, 20), (7, 2, 3, 0)]
    {
        compare(0.0, Step { past, thumbnail_from }, |bench| {
            let (_, maps) = bench.state([3, n, n]);
            let (state, wall) = bench.state([5, 16, 16]);
            let params = Thumbnail { first_map: 1, n_rows };
            bench.recorder.thumbnail(maps, wall, params).expect("fits");
            bench.keep_state(state, [5, 16, 16]);
        });
    }
}
