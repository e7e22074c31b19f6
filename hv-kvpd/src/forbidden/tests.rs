use hv_utils_core::testing::Logged;
use hv_utils_core::wire::kvp::Pool;

use super::Forbidden;

#[test]
fn a_pool_is_named_once_with_the_key_of_the_configuration() {
    let logged = Logged::of("hv_kvpd::forbidden");
    let mut forbidden = Forbidden::new();
    forbidden.log(Pool::External);
    forbidden.log(Pool::External);
    let said = logged.take();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("pool 0 (external)") && said[0].contains("host-writable-pools"), "{said:?}");
    forbidden.log(Pool::AutoExternal);
    assert_eq!(logged.take().len(), 1, "another pool is news");
}

#[test]
fn no_key_of_the_configuration_is_promised_for_facts() {
    let logged = Logged::of("hv_kvpd::forbidden");
    Forbidden::new().log(Pool::Auto);
    let said = logged.take();
    assert!(said[0].contains("pool 2 (auto)") && !said[0].contains("host-writable-pools"), "{said:?}");
}
