//! The price file and what its rows make of a usage.

use crate::cost::prices::STANDARD;
use crate::cost::{By, CostFold, NanoDollars, Prices, ResourceTime, SandboxUsage, Usage};
use crate::tests::given::{Ledger, at, created};

/// 2026-03-10, in days since 1970.
const DAY: i64 = 20_522;

fn of(list: &str, usage: impl Into<ResourceTime>) -> u64 {
    Prices::standard().row(list, DAY).unwrap().of(usage).as_u64()
}

fn file(rows: &str) -> Result<Prices, String> {
    Prices::parse(&format!("use = [\"x\"]\n{rows}"))
}

fn row(from: &str, rates: &str) -> String {
    format!("[[price]]\nlist = \"x\"\nfrom = \"{from}\"\n{rates}\n")
}

#[test]
fn the_file_that_is_compiled_in_is_good() {
    let prices = Prices::parse(STANDARD).unwrap();
    assert_eq!(prices.lists(), ["aws-us-east-1", "e2b-list", "original-flat"]);
    assert_eq!(prices.used(), ["e2b-list"]);
    assert_eq!(&prices, Prices::standard());
}

#[test]
fn the_default_sandbox_costs_what_e2b_says_an_hour() {
    assert_eq!(of("e2b-list", SandboxUsage::DEFAULT_HOUR), 108_900_000);
    assert_eq!(of("original-flat", SandboxUsage::DEFAULT_HOUR), 15_000_000);
    let large = SandboxUsage { vcpu: 8, memory_mb: 4096, running_micros: 3_600_000_000 };
    assert_eq!(of("e2b-list", large), 468_000_000);
}

#[test]
fn a_million_operations_of_a_second_cost_what_aws_says() {
    let usage = Usage {
        operations: 1_000_000,
        function_micros: 1_000_000_000_000,
        events: 4_000_000,
        ..Usage::default()
    };
    let cost = Prices::standard().exact_by("aws-us-east-1", DAY, &usage).rounded();
    // Requests 0.20 + 1.00, 250,000 GiB-seconds, 4 M writes, 1 M reads.
    let expected = 200_000_000 + 1_000_000_000 + 4_166_675_000 + 2_500_000_000 + 125_000_000;
    assert_eq!(cost, NanoDollars::new(expected));
    assert_eq!(of("e2b-list", ResourceTime::ZERO), 0);
}

#[test]
fn half_a_nano_dollar_is_rounded_up_and_a_century_does_not_overflow() {
    let tiny = SandboxUsage { vcpu: 0, memory_mb: 0, running_micros: 120 };
    assert_eq!(of("original-flat", tiny), 1, "0.0042 nano-dollars per micro times 120 is 0.5");
    let usage = SandboxUsage { vcpu: 8, memory_mb: 8192, running_micros: 3_155_760_000_000_000 };
    let fleet: ResourceTime = (0..1000).map(|_| ResourceTime::from(usage)).sum();
    assert_eq!(of("e2b-list", fleet), 3_155_760_000_000 * (8 * 14_000 + 8 * 4_500));
}

#[test]
fn a_row_holds_from_its_day_on_and_the_first_one_before_it() {
    let prices =
        file(&(row("2026-03-12", "sandbox_hour = 2") + &row("2026-03-11", "sandbox_hour = 1"))).unwrap();
    let cost = |day| prices.exact(day, &ResourceTime::from(SandboxUsage::DEFAULT_HOUR).into()).rounded();
    let costs: Vec<u64> = (DAY - 5..DAY + 4).map(|day| cost(day).as_u64() / 1_000_000_000).collect();
    assert_eq!(costs, [1, 1, 1, 1, 1, 1, 1, 2, 2]);
}

#[test]
fn another_price_file_makes_another_past() {
    let mut ledger = Ledger::default();
    ledger.sandbox("s1", 0, created(400 * 86_400));
    let cost = |prices: &Prices| {
        let mut fold = CostFold::new(prices, CostFold::EVER, &[By::Day]);
        ledger.events.iter().for_each(|event| fold.apply(event));
        fold.reports(at(2 * 86_400)).remove(0)
    };
    let before = file(&row("2026-01-01", "sandbox_hour = 0.5")).unwrap();
    let after =
        file(&(row("2026-01-01", "sandbox_hour = 0.5") + &row("2026-03-11", "sandbox_hour = 0.25"))).unwrap();
    assert_eq!(cost(&before).total.as_u64(), 24_000_000_000);
    let days: Vec<u64> = cost(&after).lines.iter().map(|line| line.cost.as_u64()).collect();
    assert_eq!(days, [12_000_000_000, 6_000_000_000]);
    assert_ne!(before.digest(), after.digest());
}

#[test]
fn a_file_that_is_wrong_is_refused_with_its_rule() {
    let good = row("2026-01-01", "sandbox_hour = 1");
    for (wrong, said) in [
        (String::new(), "missing field `price`"),
        (good.clone() + &good, "two rows"),
        (row("2026-01-01", "sandbox_hour = -1"), "not negative"),
        (row("2026-01-01", "sandbox_hour = 0.0000000000001"), "12 decimals"),
        (row("2026-01-01", "sandbox_minute = 1"), "unknown field"),
        (row("2026-02-30", ""), "2026-02-30"),
        (good.replace("\"x\"", "\"E2B\""), "lower-case"),
    ] {
        let error = file(&wrong).unwrap_err();
        assert!(error.contains(said), "{wrong}: {error}");
    }
    assert!(Prices::parse(&good).unwrap_err().contains("use"));
    assert!(Prices::parse(&format!("use = [\"y\"]\n{good}")).unwrap_err().contains("not a list"));
    assert!(Prices::parse(&format!("use = [\"x\", \"x\"]\n{good}")).unwrap_err().contains("twice"));
    assert!(Prices::parse(&format!("use = []\n{good}")).unwrap_err().contains("at least one"));
}
