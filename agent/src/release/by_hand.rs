//! `windlass-agent revert`: a person on this host puts a release back, with all else down. It goes by what lies on the target alone, needs
//! no agent, no master and no network, and holds the service afterwards: only a person moves it then.

use windlass_core::model::{Change, WayBack};

use super::error::{Error, Result};
use super::log::Log;
use super::place::LocalServices;
use super::record;
use super::target::{Target, WayBackName};
use super::{Layout, Place, hold, hook, recover, way_back};

/// The folder of the service that this change is about.
pub fn layout_of(known: &Change, local: &LocalServices) -> Result<Layout> {
    Ok(Layout::new(&Place::of(&known.service, &known.spec, local)?.root))
}

/// Puts the way back of the last change in place, or the release `to` (`r17`, or its whole name). Blocking; answers what is linked then.
pub fn revert(known: &Change, local: &LocalServices, to: Option<&str>, why: &str, log: &Log) -> Result<Option<String>> {
    let layout = layout_of(known, local)?;
    let never = || Error::Nothing("nothing was ever changed here".to_owned());
    let last = recover::last_change(&layout)?.ok_or_else(never)?;
    let change = Change { way_back: chosen(&layout, &last, to)?, stays_drained: false, ..last };
    // Whoever comes next, an agent that starts for example, shall go the same way.
    hold::hold(&layout, why)?;
    let _lock = layout.lock()?;
    let seen = record::look(&layout)?.seen;
    let change = Change { generation: change.generation.max(seen), ..change };
    recover::keep(&layout, &change)?;
    let target = Target::of(&change, local, hook::env_of_agent(), log)?;
    way_back::by_hand(&target)?;
    layout.linked()
}

/// Where to. It must lie here, and be something else than what is in place.
fn chosen(layout: &Layout, last: &Change, to: Option<&str>) -> Result<WayBack> {
    let (linked, names) = (layout.linked()?, layout.names()?);
    let others = || {
        let others: Vec<&str> =
            names.iter().map(String::as_str).filter(|name| Some(*name) != linked.as_deref()).collect();
        if others.is_empty() {
            "no other release lies here".to_owned()
        } else {
            format!("here lie {}", others.join(", "))
        }
    };
    let is_meant = |name: &&String, to: &str| *name == to || name.starts_with(&format!("{to}-"));
    let wanted = match to {
        Some(to) => match names.iter().find(|name| is_meant(name, to)) {
            Some(name) => WayBack::Release(name.clone()),
            None => return Err(Error::Nothing(format!("{to} does not lie on this host; {}", others()))),
        },
        None => last.way_back.clone(),
    };
    let is_done = Change { way_back: wanted.clone(), ..last.clone() }.way_back_name() == linked.as_deref();
    if is_done && record::look(layout)?.in_flight().is_none() {
        let here =
            linked.as_deref().map_or_else(|| "nothing is installed".to_owned(), |name| format!("{name} is in place"));
        return Err(Error::Nothing(format!("{here} already; {}", others())));
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::fixture::{change, layout};

    #[test]
    fn what_does_not_lie_here_or_is_in_place_is_refused_with_what_does() {
        let (_dir, layout) = layout();
        layout.create().expect("made");
        let last = change(&layout);
        for name in ["r16-00000000", "r17-90ab12cd"] {
            std::fs::create_dir_all(layout.release(name)).expect("made");
        }
        layout.link("r17-90ab12cd").expect("linked");
        let refused = |to: Option<&str>, last: &Change| chosen(&layout, last, to).expect_err("refused").to_string();
        assert_eq!(refused(Some("r9"), &last), "r9 does not lie on this host; here lie r16-00000000");
        assert_eq!(refused(Some("r17"), &last), "r17-90ab12cd is in place already; here lie r16-00000000");
        let back = Change { way_back: WayBack::Release("r17-90ab12cd".to_owned()), ..last.clone() };
        assert!(refused(None, &back).starts_with("r17-90ab12cd is in place already"));
        for to in ["r16", "r16-00000000"] {
            assert_eq!(
                chosen(&layout, &last, Some(to)).expect("it lies here"),
                WayBack::Release("r16-00000000".to_owned())
            );
        }
    }

    #[test]
    fn a_hold_outlives_everything_but_a_person() {
        let (_dir, layout) = layout();
        layout.create().expect("made");
        hold::expect_none(&layout).expect("nobody holds it");
        hold::hold(&layout, "checkout is broken").expect("written");
        let error = hold::expect_none(&layout).expect_err("somebody does");
        assert!(error.to_string().contains("checkout is broken"), "{error}");
        assert!(hold::let_go(&layout).expect("removed") && !hold::let_go(&layout).expect("nothing to remove"));
        hold::expect_none(&layout).expect("nobody holds it");
    }
}
