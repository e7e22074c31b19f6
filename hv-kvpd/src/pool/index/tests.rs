//! The index against a plain list, and its special cases by name.

use proptest::prelude::*;

use super::*;

fn push(index: &mut Index, key: &str, value: &str) {
    index.push(Texts { key: key.as_bytes(), value: value.as_bytes() });
}

fn listed(index: &Index) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    index.items().map(|item| (text(item.key), text(item.value))).collect()
}

fn pairs(items: &[(&str, &str)]) -> Vec<(String, String)> {
    items.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_last_of_duplicates_counts_at_its_own_place() {
    let mut index = Index::default();
    for (key, value) in [("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")] {
        push(&mut index, key, value);
    }
    assert_eq!(listed(&index), pairs(&[("b", "2"), ("a", "3"), ("c", "4")]));
    assert_eq!((index.records(), index.len()), (4, 3));
    assert_eq!(index.duplicates(b"a"), [0, 2]);
    index.remove(b"a", &[0, 2]);
    assert_eq!(listed(&index), pairs(&[("b", "2"), ("c", "4")]));
    assert_eq!((index.find(b"b"), index.find(b"c"), index.find(b"a")), (Some(0), Some(1), None));
}

#[test]
fn a_record_without_key_counts_as_record_but_not_as_item() {
    let mut index = Index::default();
    push(&mut index, "", "orphan");
    push(&mut index, "k", "v");
    assert_eq!((index.records(), index.len(), index.find(b"k")), (2, 1, Some(1)));
    assert_eq!(index.find(b""), None);
    assert_eq!(index.item(0).unwrap().key, b"k");
    assert!(index.item(1).is_none());
}

#[test]
fn overwriting_one_value_for_ever_does_not_grow_the_arena() {
    let mut index = Index::default();
    push(&mut index, "key", "value");
    for _ in 0..10_000 {
        index.replace(0, &[b'x'; 2047]);
    }
    assert!(index.arena.len() < 2 * GARBAGE_FLOOR + 4096, "{} bytes", index.arena.len());
    assert_eq!(index.value(b"key"), Some(&[b'x'; 2047][..]));
}

#[test]
fn ten_thousand_items_of_a_hundred_bytes_stay_within_two_mebibytes() {
    let mut index = Index::with_capacity(10_000);
    for i in 0..10_000 {
        push(&mut index, &format!("key-{i:05}"), &"v".repeat(91));
    }
    let bytes = index.arena.capacity()
        + index.slots.capacity() * size_of::<Slot>()
        + index.items.capacity() * 4
        + index.table.capacity() * 4;
    assert!(bytes <= 2 * 1024 * 1024, "{bytes} bytes");
}

/// One step of the comparison with a plain list.
#[derive(Debug, Clone)]
enum Step {
    Push(u8, u8),
    Replace(u8, u8),
    Remove(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0u8..24, any::<u8>()).prop_map(|(key, value)| Step::Push(key, value)),
        (0u8..24, any::<u8>()).prop_map(|(key, value)| Step::Replace(key, value)),
        (0u8..24).prop_map(Step::Remove),
    ]
}

proptest! {
    #[test]
    fn behaves_as_a_plain_list(steps in prop::collection::vec(step(), 0..200)) {
        let mut index = Index::default();
        let mut list: Vec<(String, String)> = Vec::new();
        for step in steps {
            match step {
                // Key 0 stands for a record without key.
                Step::Push(key, value) => {
                    let key = if key == 0 { String::new() } else { key.to_string() };
                    push(&mut index, &key, &value.to_string());
                    list.push((key, value.to_string()));
                }
                Step::Replace(key, value) => {
                    let key = key.to_string();
                    let last = list.iter().rposition(|item| item.0 == key);
                    prop_assert_eq!(index.find(key.as_bytes()).map(|record| record as usize), last);
                    if let Some(last) = last {
                        index.replace(last as u32, value.to_string().as_bytes());
                        list[last].1 = value.to_string();
                    }
                }
                Step::Remove(key) => {
                    let key = key.to_string();
                    index.remove(key.as_bytes(), &index.duplicates(key.as_bytes()));
                    list.retain(|item| item.0 != key);
                }
            }
            let counts = |at: usize| {
                !list[at].0.is_empty() && list[at + 1..].iter().all(|later| later.0 != list[at].0)
            };
            let items: Vec<_> = (0..list.len()).filter(|&at| counts(at)).map(|at| list[at].clone()).collect();
            prop_assert_eq!(listed(&index), items);
            prop_assert_eq!(index.records() as usize, list.len());
        }
    }
}
