use super::*;

#[test]
fn sections_keys_comments_and_continued_lines() {
    let text = "stray=1\n# [No]\n[Match]\nName = eth0 \n; no\n\n[Network]\nDNS=192.0.2.1 \\\n# between\n   192.0.2.2\nDNS=\n[Network]\nnonsense\nDHCP=yes\\";
    let sections = parse(text);
    let names: Vec<_> = sections.iter().map(|section| section.name.as_str()).collect();
    assert_eq!(names, ["Match", "Network", "Network"]);
    assert_eq!(sections[0].value("Name"), Some("eth0"));
    let dns = vec![("DNS".to_owned(), "192.0.2.1  192.0.2.2".to_owned()), ("DNS".to_owned(), String::new())];
    assert_eq!(sections[1].entries, dns);
    assert_eq!(sections[1].value("DNS"), None);
    assert_eq!(sections[2].value("DHCP"), Some("yes"));
}

#[test]
fn what_is_written_is_read_again() {
    let sections = parse("[A]\nx=1\nx=2\n[Empty]\n[B]\ny=\n");
    assert_eq!(write(&sections), "\n[A]\nx=1\nx=2\n\n[B]\ny=\n");
    assert_eq!(parse(&write(&sections)).len(), 2);
}
