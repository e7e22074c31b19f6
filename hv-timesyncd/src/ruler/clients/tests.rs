//! A set of clients.

use super::*;

#[test]
fn each_client_comes_and_goes_without_the_others() {
    for subset in 0..1_u8 << Client::ALL.len() {
        let chosen = |at: usize| subset & 1 << at != 0;
        let mut clients = Clients::default();
        for (at, client) in Client::ALL.into_iter().enumerate() {
            // Twice, and some of them taken away again.
            clients = clients.with(client, true).with(client, true).with(client, chosen(at));
        }
        let has: Vec<bool> = Client::ALL.into_iter().map(|client| clients.has(client)).collect();
        let expected: Vec<bool> = (0..Client::ALL.len()).map(chosen).collect();
        assert_eq!(has, expected);
        let names: Vec<Client> = clients.iter().collect();
        assert_eq!(names.len(), subset.count_ones() as usize);
        assert_eq!(clients.first(), names.first().copied());
    }
}

#[test]
fn no_unit_is_of_two_clients() {
    let mut units: Vec<&str> = Client::ALL.iter().flat_map(|client| client.units()).copied().collect();
    let all = units.len();
    units.sort_unstable();
    units.dedup();
    assert_eq!(units.len(), all);
    assert!(units.iter().all(|unit| unit.ends_with(".service")));
}
