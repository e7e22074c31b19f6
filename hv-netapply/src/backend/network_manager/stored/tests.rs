use super::*;
use crate::backend::network_manager::settings::tests::{injection, plan, target};

const HEAD: &str = "# made by hand\n[connection]\nid=office\ntype=ethernet\ninterface-name=eth0\n\n";
const TAIL: &str = "\n[ipv6]\n# nothing\nmethod=disabled\n\n[user]\norg.example.note=keep\n";
const OLD: &str = "[ipv4]\nmethod=manual\n# the old network\naddress1=192.0.2.30/24,192.0.2.1\naddress2=192.0.2.31/24\n\
                   route1=203.0.113.0/24,192.0.2.2,50\nroute2=0.0.0.0/0,192.0.2.3\nroute2_options=onlink=true\ndns=192.0.2.53;\n\
                   dns-search=lab.example;\n";

fn injected(text: &str, ipv4: Plan, ipv6: Plan) -> String {
    let mut file = Keyfile::parse(text);
    inject(&mut file, &target(), &injection(ipv4, ipv6));
    file.text()
}

#[test]
fn each_form_of_an_injection_in_a_file() {
    let route = "route1=203.0.113.0/24,192.0.2.2,50\n";
    let old = "# the old network\n";
    let table = [
        (
            plan("192.0.2.7/24", "192.0.2.1", "-"),
            format!(
                "method=manual\n{old}{route}dns=192.0.2.53;\ndns-search=lab.example;\naddress1=192.0.2.7/24\n\
                 gateway=192.0.2.1\n"
            ),
        ),
        (
            plan("192.0.2.7/24 198.51.100.7/25", "192.0.2.1 198.51.100.200", "192.0.2.99 192.0.2.98"),
            format!(
                "method=manual\n{old}{route}dns=192.0.2.99;192.0.2.98;\ndns-search=lab.example;\naddress1=192.0.2.7/24\n\
                 address2=198.51.100.7/25\ngateway=192.0.2.1\nroute2=0.0.0.0/0,198.51.100.200,1100\n\
                 route2_options=onlink=true\nignore-auto-dns=true\n"
            ),
        ),
        (
            plan("192.0.2.7/24", "", ""),
            format!(
                "method=manual\n{old}{route}dns-search=lab.example;\naddress1=192.0.2.7/24\nignore-auto-dns=true\n"
            ),
        ),
        (plan("dhcp", "", "-"), format!("method=auto\n{old}{route}dns-search=lab.example;\n")),
        (
            plan("dhcp", "", "192.0.2.99"),
            format!(
                "method=auto\n{old}{route}dns=192.0.2.99;\ndns-search=lab.example;\nignore-auto-dns=true\n"
            ),
        ),
        (
            plan("-", "", "192.0.2.99"),
            OLD.replace("dns=192.0.2.53;", "dns=192.0.2.99;").replace("[ipv4]\n", "")
                + "ignore-auto-dns=true\n",
        ),
        (plan("-", "", "-"), OLD.replace("[ipv4]\n", "")),
    ];
    for (ipv4, wanted) in table {
        let after = injected(&format!("{HEAD}{OLD}{TAIL}"), ipv4.clone(), Plan::default());
        assert_eq!(after, format!("{HEAD}[ipv4]\n{wanted}{TAIL}"), "{ipv4:?}");
    }
}

#[test]
fn ipv6_alone_and_a_section_that_is_missing() {
    let ipv6 = plan("2001:db8::7/64", "2001:db8::1", "2001:db8::53");
    let after = injected(&format!("{HEAD}{OLD}{TAIL}"), Plan::default(), ipv6.clone());
    let wanted = "\n[ipv6]\n# nothing\nmethod=manual\naddress1=2001:db8::7/64\ngateway=2001:db8::1\ndns=2001:db8::53;\n\
                  ignore-auto-dns=true\n\n[user]\norg.example.note=keep\n";
    assert_eq!(after, format!("{HEAD}{OLD}{wanted}"));
    let after = injected(HEAD.trim_end(), plan("-", "", "192.0.2.99"), ipv6);
    let sections = "\n\n[ipv4]\nmethod=auto\ndns=192.0.2.99;\nignore-auto-dns=true\n\n[ipv6]\nmethod=manual\n\
                    address1=2001:db8::7/64\ngateway=2001:db8::1\ndns=2001:db8::53;\nignore-auto-dns=true\n";
    assert_eq!(after, format!("{}{sections}", HEAD.trim_end()));
}

#[test]
fn addresses_and_default_routes_go_in_every_form() {
    let forms = "[ipv4]\nmethod=manual\naddresses=192.0.2.1/24;\naddresses2=192.0.2.2;24;\naddress3=192.0.2.3/24\ngateway=192.0.2.1\n\
                 routes1=0.0.0.0/0;192.0.2.1\nroute=0.0.0.0/0\nroute3=198.51.100.0/24\naddress-note=x\n";
    let after = injected(&format!("{HEAD}{forms}"), plan("dhcp", "", "-"), Plan::default());
    assert_eq!(after, format!("{HEAD}[ipv4]\nmethod=auto\nroute3=198.51.100.0/24\naddress-note=x\n"));
}

#[test]
fn twice_is_as_once() {
    let ipv4 = plan("192.0.2.7/24 192.0.2.8/24", "192.0.2.1 192.0.2.2", "192.0.2.99");
    let once = injected(&format!("{HEAD}{OLD}{TAIL}"), ipv4.clone(), Plan::default());
    let twice = injected(&once, ipv4, Plan::default());
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&twice), sorted(&once));
}

#[test]
fn a_new_profile_has_all_that_one_needs() {
    let mut file = fresh(&target(), 0);
    inject(&mut file, &target(), &injection(plan("192.0.2.7/24", "", "-"), Plan::default()));
    let wanted = "[connection]\nid=hv-utils eth0\nuuid=f8b3781a-1e82-4818-a1c3-63d806ec15bb\ntype=ethernet\n\
                  interface-name=eth0\nautoconnect=true\n\n[ethernet]\nmac-address=00:15:5D:00:04:01\n\n[ipv4]\nmethod=manual\n\
                  address1=192.0.2.7/24\n\n[ipv6]\nmethod=auto\n";
    assert_eq!(file.text(), wanted);
    assert!(profile(&file).fits(&target()));
    assert_eq!(fresh(&target(), 3).get("connection", "autoconnect-priority"), Some("3"));
}
