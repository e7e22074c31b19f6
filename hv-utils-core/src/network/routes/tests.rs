//! Routes that come and go, message by message. What a kernel says is in the monitor's tests.

use super::*;

fn way(gateway: [u8; 4], interface: u32, metric: u32) -> Route {
    let gateway = Some(gateway.into());
    let (family, table, protocol) = (RouteFamily::V4, Route::MAIN, 4);
    Route { family, gateway, interface, table, metric, protocol, source: None }
}

fn news(ways: &[Route]) -> RouteNews {
    RouteNews { ways: ways.to_vec(), ..RouteNews::default() }
}

fn replacing(ways: &[Route]) -> RouteNews {
    RouteNews { replaces: true, ..news(ways) }
}

#[test]
fn the_best_route_comes_first_whenever_it_came() {
    let mut routes = Routes::default();
    let other_table = Route { table: 100, ..way([10, 0, 0, 1], 2, 0) };
    let v6 = Route { family: RouteFamily::V6, gateway: None, ..way([0; 4], 2, 0) };
    let main = [way([10, 0, 0, 3], 2, 20), way([10, 0, 0, 2], 2, 10)];
    for route in [&v6, &other_table, &main[0], &main[1]] {
        assert!(routes.add(news(std::slice::from_ref(route))));
        assert!(!routes.add(news(std::slice::from_ref(route))), "the same again is no change");
    }
    assert_eq!(routes.all(), [main[1].clone(), main[0].clone(), other_table, v6]);
}

#[test]
fn a_replacement_that_is_not_clear_asks_for_a_new_list() {
    let mut routes = Routes::default();
    assert!(routes.add(replacing(&[way([10, 0, 0, 1], 2, 10)])), "nothing there to be replaced");
    assert!(routes.add(replacing(&[way([10, 0, 0, 2], 2, 10)])));
    assert_eq!(routes.all(), [way([10, 0, 0, 2], 2, 10)]);
    assert!(!routes.is_stale());
    routes.add(news(&[way([10, 0, 0, 3], 3, 10)]));
    routes.add(replacing(&[way([10, 0, 0, 4], 2, 10)]));
    assert!(routes.is_stale());
    let mut routes = Routes::default();
    routes.add(replacing(&[]));
    assert!(routes.is_stale(), "it is not known what has gone");
}

#[test]
fn sets_are_compared_and_not_histories() {
    let (mut one, mut other) = (Routes::default(), Routes::default());
    let (a, b) = (way([10, 0, 0, 1], 2, 10), way([10, 0, 0, 2], 2, 10));
    one.add(news(&[a.clone(), b.clone()]));
    other.add(news(&[b, a.clone()]));
    assert_eq!(one, other);
    other.remove(&news(&[a]));
    assert_ne!(one, other);
}

#[test]
fn only_a_next_hop_that_a_default_route_goes_by_asks_for_a_new_list() {
    let mut routes = Routes::default();
    routes.add(RouteNews { next_hop: Some(5), ..news(&[way([10, 0, 0, 1], 2, 10)]) });
    routes.next_hop(6);
    assert!(!routes.is_stale());
    routes.next_hop(5);
    assert!(routes.is_stale());
}
