cat >a.rs <<'RS'
use std::{collections::HashMap, thread};
fn main() {
    let parts: Vec<_> = (0..16u64).map(|n| thread::spawn(move || {
        let mut map = HashMap::new();
        for i in 0..50_000 { *map.entry(i * n % 1009).or_insert(0u64) += i; }
        map.values().sum::<u64>()
    })).collect();
    println!("{}", parts.into_iter().map(|part| part.join().unwrap()).sum::<u64>());
}
RS
rustc -O -C codegen-units=8 a.rs && ./a
