use super::*;
use std::collections::HashSet;

#[test]
fn guids_are_those_of_the_protocol() {
    for (ic, class, instance) in [
        ("heartbeat", "57164f39-9115-4e78-ab55-382f3bd5422d", "fd149e91-82e0-4a7d-afa6-2a4166cbd7c0"),
        ("kvp", "a9a0f4e7-5a45-4d96-b827-8a841e8c03e6", "242ff919-07db-4180-9c2e-b86cb68c8c55"),
        ("shutdown", "0e0b6031-5213-4934-818b-38d90ced39db", "b6650ff7-33bc-4840-8048-e0676786f393"),
        ("timesync", "9527e630-d0ae-497b-adce-e80ab0175caf", "2dd1ce17-079e-403c-b352-a1921ee207ee"),
        ("vss", "35fa2e29-ea23-4236-96ae-3a6ebacba440", "2450ee40-33bf-4fbd-892e-9fb06e9214cf"),
        ("fcopy", "34d14be3-dee4-41c8-9ae7-6b174977c192", "eb765408-105f-49b6-b4aa-c123b64d17d4"),
    ] {
        let ic = Ic::from_name(ic).unwrap();
        assert_eq!(ic.class().to_string(), class);
        assert_eq!(ic.instance().to_string(), instance);
        assert_eq!(Ic::from_class(&ic.class()), Some(ic));
    }
}

#[test]
fn message_types_are_those_of_the_protocol() {
    let types: Vec<_> = Ic::ALL.iter().map(|ic| (ic.name(), ic.message_type())).collect();
    assert_eq!(
        types,
        [("heartbeat", 1), ("kvp", 2), ("shutdown", 3), ("timesync", 4), ("vss", 5), ("fcopy", 7)]
    );
}

#[test]
fn versions_are_listed_newest_first_without_repetition() {
    for ic in Ic::ALL {
        for list in [ic.versions(), ic.framework_versions()] {
            assert!(!list.is_empty());
            assert!(list.windows(2).all(|pair| pair[0] > pair[1]), "{ic}: {list:?}");
        }
    }
}

#[test]
fn no_name_or_guid_occurs_twice() {
    let names: HashSet<_> = Ic::ALL.iter().map(|ic| ic.name()).collect();
    let guids: HashSet<_> = Ic::ALL.iter().flat_map(|ic| [ic.class(), ic.instance()]).collect();
    assert_eq!((names.len(), guids.len()), (6, 12));
    assert_eq!(Ic::from_name("KVP"), None);
    assert_eq!(Ic::from_class(&Guid::from_u128(0)), None);
}
