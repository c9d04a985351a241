//! Whatever the log does, in the end all processes refuse the same: what was revoked anywhere.

use std::time::{Duration, SystemTime};

use proptest::{collection::vec, prelude::*};

use super::{Facts, Process, revoked, within};
use crate::{
    fleet::{LogEntry, Revocation},
    testing::MemoryLog,
};

const PROCESSES: usize = 3;
const NAMES: u8 = 12;

#[derive(Debug, Clone)]
enum Step {
    Append(usize, LogEntry),
    Cut(usize),
    Stop(usize),
    Mend(usize),
    Lose,
    FailAppends(u32),
    Delay(Duration),
    Repeat(bool),
    Reorder(bool),
    Wait(Duration),
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_interleaving_repetition_loss_and_order_leaves_the_same_refused(steps in vec(step(), 1..60)) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(play(&steps));
    }
}

async fn play(steps: &[Step]) {
    let log = MemoryLog::new();
    let links: Vec<_> = (0..PROCESSES).map(|_| log.another_process()).collect();
    let fleet: Vec<_> = links.iter().map(|link| Process::start(link.handle())).collect();
    let mut told = Facts::default();
    let mut before = vec![Facts::default(); PROCESSES];
    for step in steps {
        match step {
            Step::Append(at, entry) => {
                drop(fleet[*at].follower.append(entry.clone()));
                told.add(entry);
            }
            Step::Cut(at) => links[*at].cut(),
            Step::Stop(at) => links[*at].stop(),
            Step::Mend(at) => links[*at].mend(),
            Step::Lose => log.lose(),
            Step::FailAppends(times) => log.fail_appends(*times),
            Step::Delay(delay) => log.delay(*delay),
            Step::Repeat(repeats) => log.repeat(*repeats),
            Step::Reorder(reorders) => log.reorder(*reorders),
            Step::Wait(time) => tokio::time::sleep(*time).await,
        }
        for (process, before) in fleet.iter().zip(&mut before) {
            let now = process.facts();
            assert!(now.deny_at_least(before), "something was taken back");
            assert!(told.deny_at_least(&now), "something was made up");
            *before = now;
        }
    }
    links.iter().for_each(MemoryLog::mend);
    log.fail_appends(0);
    log.delay(Duration::ZERO);
    let newcomer = Process::start(log.another_process());
    for process in fleet.iter().chain([&newcomer]) {
        // An entry may have been delayed by five seconds just before the end.
        within(Duration::from_secs(8), "all know", || process.facts() == told).await;
    }
}

impl Facts {
    fn add(&mut self, entry: &LogEntry) {
        match entry {
            LogEntry::Session(Revocation { session_id, status, .. }) => {
                let set = if status.is_some() { &mut self.ended } else { &mut self.forgotten };
                set.insert(session_id.clone());
            }
            LogEntry::User { id, before } => {
                let denied = self.users.entry(id.clone()).or_insert(*before);
                *denied = (*denied).max(*before);
            }
            LogEntry::Member { user, organization, before } => {
                let member = (user.clone(), organization.clone());
                let denied = self.members.entry(member).or_insert(*before);
                *denied = (*denied).max(*before);
            }
            LogEntry::Beat(_) => {}
        }
    }

    fn deny_at_least(&self, other: &Self) -> bool {
        self.ended.is_superset(&other.ended)
            && self.forgotten.is_superset(&other.forgotten)
            && other.users.iter().all(|(user, before)| self.users.get(user) >= Some(before))
            && other.members.iter().all(|(member, before)| self.members.get(member) >= Some(before))
    }
}

fn step() -> impl Strategy<Value = Step> {
    let process = 0..PROCESSES;
    let millis = |most: u64| (0..most).prop_map(Duration::from_millis);
    prop_oneof![
        8 => (process.clone(), entry()).prop_map(|(at, entry)| Step::Append(at, entry)),
        4 => millis(4_000).prop_map(Step::Wait),
        2 => process.clone().prop_map(Step::Cut),
        1 => process.clone().prop_map(Step::Stop),
        3 => process.prop_map(Step::Mend),
        1 => Just(Step::Lose),
        1 => (0_u32..6).prop_map(Step::FailAppends),
        1 => millis(5_000).prop_map(Step::Delay),
        1 => any::<bool>().prop_map(Step::Repeat),
        1 => any::<bool>().prop_map(Step::Reorder),
    ]
}

fn entry() -> impl Strategy<Value = LogEntry> {
    let name = 0..NAMES;
    let time = (0_u64..100).prop_map(|at| SystemTime::UNIX_EPOCH + Duration::from_secs(at));
    prop_oneof![
        4 => name.clone().prop_map(|n| revoked(&format!("sess_{n}"))),
        1 => name.clone().prop_map(|n| Revocation::look_again(format!("sess_{n}").parse().unwrap()).into()),
        1 => (name.clone(), time.clone())
            .prop_map(|(n, at)| LogEntry::user(format!("user_{n}").parse().unwrap(), at)),
        1 => (name.clone(), name, time).prop_map(|(user, organization, at)| {
            let user = format!("user_{user}").parse().unwrap();
            LogEntry::member(user, format!("org_{organization}").parse().unwrap(), at)
        }),
    ]
}
