use super::*;

fn there() -> AdapterConfiguration {
    AdapterConfiguration {
        instance_id: "00:15:5D:01:02:03".to_owned(),
        protocol_if_type: Some(4096),
        ip_addresses: vec!["10.0.0.4".to_owned(), "10.0.0.5".to_owned()],
        ..AdapterConfiguration::default()
    }
}

fn judged(toml: &str) -> Result<(), (String, String)> {
    let wanted: Wanted = toml::from_str(toml).unwrap();
    wanted.compare(&there()).map_err(|mismatch| (mismatch.expected, mismatch.actual))
}

#[test]
fn only_what_is_given_is_compared_and_lists_count_whole() {
    assert_eq!(judged(""), Ok(()));
    let all = "InstanceID = \"00:15:5D:01:02:03\"\nProtocolIFType = 4096\nDHCPEnabled = false\nSubnets = []\n\
               IPAddresses = [\"10.0.0.4\", \"10.0.0.5\"]\nDefaultGateways = []\nDNSServers = []";
    assert_eq!(judged(all), Ok(()));
    let (expected, actual) = judged("IPAddresses = [\"10.0.0.4\"]").unwrap_err();
    assert_eq!(expected, "IPAddresses [\"10.0.0.4\"]");
    assert_eq!(actual, "IPAddresses [\"10.0.0.4\",\"10.0.0.5\"]");
    assert_eq!(judged("IPAddressOrigins = []").unwrap_err().1, "IPAddressOrigins null");
    assert_eq!(judged("ProtocolIFType = 4098").unwrap_err().1, "ProtocolIFType 4096");
}

#[test]
fn a_property_that_does_not_exist_is_an_error() {
    let error = toml::from_str::<Wanted>("IPAddress = []").unwrap_err().to_string();
    assert!(error.contains("unknown field `IPAddress`"), "{error}");
}
