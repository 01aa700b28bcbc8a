//! Choice of the protocol that a pair speaks.

/// The protocol in both lists with the least sum of ranks; of equals, the first in lexicographic order.
///
/// Both lists are best first. The rule is symmetric, so it does not matter who dialled.
pub fn choose<'a>(offered: &'a [Box<str>], accepted: &[Box<str>]) -> Option<&'a str> {
    offered
        .iter()
        .enumerate()
        .filter_map(|(rank, name)| {
            let other = accepted.iter().position(|accepted| accepted == name)?;
            Some((rank + other, &**name))
        })
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::choose;

    fn list(names: &str) -> Vec<Box<str>> {
        names.split_whitespace().map(Box::from).collect()
    }

    #[test]
    fn the_choice_is_the_same_from_both_ends() {
        let lists = ["", "a", "b", "a b", "b a", "a b c", "c b a", "b c a", "d c", "a a b", "x y z b"];
        for one in lists {
            for other in lists {
                let (one, other) = (list(one), list(other));
                assert_eq!(choose(&one, &other), choose(&other, &one), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn ranks_are_summed_and_ties_go_to_the_lexicographically_smallest() {
        assert_eq!(choose(&list("a b"), &list("b a")), Some("a"));
        assert_eq!(choose(&list("b a"), &list("b a")), Some("b"));
        assert_eq!(choose(&list("c a b"), &list("b x c")), Some("b"));
        assert_eq!(choose(&list("a"), &list("b")), None);
    }
}
