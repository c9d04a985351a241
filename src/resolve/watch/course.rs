//! How a watch runs its course: until the session is over, looked at now and then, renewed on the way.

use std::pin::pin;

use tokio::{runtime::Handle, time::sleep};

use super::{
    changes::unless,
    step::{Step, Watch},
};
use crate::{Claims, Credential, Rejection};

impl Watch {
    pub(super) async fn ended(&self) -> Rejection {
        loop {
            // From here on nothing is missed that happens while it is looked at.
            let mut changes = pin!(self.changes());
            if Handle::try_current().is_err() {
                return Rejection::outside_of_a_runtime();
            }
            match self.step() {
                Step::End(rejection) => return rejection,
                Step::Wait(time) => {
                    unless(changes.as_mut(), sleep(time)).await;
                }
                Step::Ask { otherwise } => {
                    // Seldom, and much larger than everything else here.
                    let asking = Box::pin(self.ask());
                    if let Some(answer) = unless(changes.as_mut(), asking).await {
                        self.note(answer, otherwise);
                    }
                }
                Step::Recheck => self.recheck(),
            }
        }
    }

    pub(super) fn is_over(&self) -> Option<Rejection> {
        match self.step() {
            Step::End(rejection) => Some(rejection),
            Step::Wait(_) => None,
            Step::Recheck => {
                self.recheck();
                self.state().over.clone()
            }
            Step::Ask { otherwise } => {
                if !self.judge_now(otherwise.clone()) {
                    self.ask_ahead();
                }
                self.state().over.clone().or(otherwise)
            }
        }
    }

    pub(super) async fn renew(&self, token: &str) -> Result<Claims, Rejection> {
        if let Some(rejection) = self.is_over() {
            return Err(rejection);
        }
        let credential = Credential::session_token(token.as_bytes());
        let resolved = self.resolver.resolve(credential, &self.policy).await?;
        let session = self.slot.as_ref().map(|slot| slot.id());
        let claims = self.state().renew(&resolved, session, self.resolver.check())?;
        self.renewed.notify_waiters();
        Ok(claims)
    }
}
