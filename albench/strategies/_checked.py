"""What each strategy has been compared with, on which data, and by which test.

Beside the entries, not in them: what a test compares says nothing of what a strategy does,
and does not change its version.
"""

from typing import NamedTuple

SKA = "scikit-activeml 1.0.1"
THREE = "iris, breast cancer and wine (scikit-learn), standardised"
TWO_OF_THREE = f"two classes of {THREE}"


class Checked(NamedTuple):
    """One comparison.

    against  what it was compared with
    data     on what
    test     file and function, from the root of the repository
    """

    against: str
    data: str
    test: str


def by(file: str, test: str, against: str, data: str) -> Checked:
    """A comparison by a test of one of the files on strategies."""
    return Checked(against, data, f"tests/test_{file}.py::test_{test}")


CHECKED: dict[str, Checked] = {
    "activelab": by(
        "annotators",
        "scores_are_those_of_the_authors_library",
        "cleanlab 2.9.0, at the same temperature",
        "random answers of up to four annotators",
    ),
    "albl": by(
        "strategies_imbalance",
        "albl_probabilities_and_updates_by_the_definition",
        "the definition, step by step",
        "random rows",
    ),
    "alce": by(
        "strategies_probabilistic",
        "alce_equals_scikit_activeml_in_the_same_space",
        f"{SKA}, given the same embedding of the costs",
        THREE,
    ),
    "always_expert": by(
        "annotators",
        "always_expert_asks_the_dearest",
        "what it must ask",
        "three clouds, a simulated panel",
    ),
    "anchor": by(
        "strategies_imbalance",
        "anchor_keeps_rows_near_each_class",
        "what it must keep",
        "rows on a line",
    ),
    "badge": by(
        "strategies_hybrids",
        "badge_distances_are_those_of_the_gradients",
        "gradients written out",
        "random rows and probabilities",
    ),
    "bait": by(
        "strategies_fisher", "bait_by_brute_force", "greedy search with whole inverses", THREE
    ),
    "balanced_margin": by(
        "strategies_imbalance",
        "balanced_margin_by_its_definition_with_more_classes",
        "the definition, pick by pick",
        "random rows",
    ),
    "batch_bald": by(
        "strategies_committee",
        "batch_bald_picks_what_scikit_activeml_picks",
        f"{SKA}, and enumeration of all labels",
        "random probabilities",
    ),
    "beam_oracle": by(
        "strategies_sampling",
        "beam_oracle_is_exhaustive_when_wide_and_beats_greedy",
        "exhaustive search",
        "random rows",
    ),
    "bmdr": by(
        "strategies_discrepancy",
        "weights_equal_those_of_scipy",
        "scipy's SLSQP for each step; the discrepancy by its definition",
        TWO_OF_THREE,
    ),
    "clue": by(
        "strategies_hybrids", "clue_equals_scikit_activeml", SKA, "random rows and probabilities"
    ),
    "cluster_margin": by(
        "strategies_hybrids",
        "cluster_margin_takes_small_clusters_first_and_in_turn",
        "the definition",
        "clusters made by hand",
    ),
    "contrastive_al": by("strategies_powers", "contrastive_al_equals_scikit_activeml", SKA, THREE),
    "direct": by(
        "strategies_leaves",
        "direct_looks_around_the_threshold_of_fewest_errors",
        "the definition, pick by pick; thresholds known beforehand",
        "rows on a line",
    ),
    "dwus": by(
        "strategies_density_weighted",
        "picks_follow_the_formulas",
        "the formulas through scipy's densities and minimiser",
        TWO_OF_THREE,
    ),
    "eer_01": by(
        "strategies_expected",
        "expected_errors_equal_scikit_activeml",
        SKA,
        "iris and breast cancer (scikit-learn)",
    ),
    "eer_log": by(
        "strategies_expected",
        "expected_errors_equal_scikit_activeml",
        SKA,
        "iris and breast cancer (scikit-learn)",
    ),
    "ens": by(
        "strategies_imbalance",
        "ens_by_enumerating_both_labels",
        "enumeration of both labels",
        "12 random rows",
    ),
    "entropy": by(
        "strategies_uncertainty",
        "scores_and_picks_equal_scikit_activeml",
        f"{SKA}; modAL's scores",
        "400 random rows of probabilities",
    ),
    "expected_gradient_length": by(
        "strategies_expected",
        "gradient_length_equals_numeric_gradients",
        "numeric gradients",
        "random rows",
    ),
    "facility_location": by(
        "frozen", "facility_location_equals_apricot", "apricot-select 0.6.1", "frozen arrays"
    ),
    "falcun": by(
        "strategies_hybrids", "falcun_equals_scikit_activeml", SKA, "random rows and probabilities"
    ),
    "file_order": by(
        "strategies_sampling", "file_order_follows_the_dataset", "the order of the file", "iris"
    ),
    "fixed_annotator": by(
        "annotators",
        "a_plain_strategy_asks_the_first_and_is_the_single_annotator_run",
        "the run of its base strategy",
        "iris, a simulated panel",
    ),
    "flqmi": by(
        "strategies_imbalance",
        "flqmi_is_the_greedy_maximiser",
        "greedy search over the written-out sum",
        "12 random rows",
    ),
    "galaxy": by(
        "strategies_imbalance",
        "galaxy_is_a_binary_search_on_a_separable_line",
        "binary search",
        "rows on a line",
    ),
    "galaxy_batch": by(
        "strategies_imbalance",
        "galaxy_without_labels_in_the_batch_needs_no_oracle",
        "what it must do without labels",
        "rows on a line",
    ),
    "graph_density": by(
        "frozen",
        "graph_density_equals_google_active_learning",
        "google/active-learning",
        "frozen arrays",
    ),
    "graph_density_unlabeled": by(
        "frozen",
        "graph_density_equals_google_active_learning",
        "google/active-learning",
        "frozen arrays",
    ),
    "greedy_oracle": by(
        "strategies_sampling",
        "greedy_oracle_is_the_best_next_row_by_enumeration",
        "enumeration",
        "random rows",
    ),
    "greedy_quota_margin": by(
        "strategies_published",
        "greedy_quotas_hold_in_a_batch",
        "the quotas, and margin at batch 1",
        "clusters made by hand",
    ),
    "greedy_sampling_x": by(
        "strategies_powers", "greedy_sampling_equals_scikit_activeml", SKA, THREE
    ),
    "half_half": by(
        "strategies_imbalance",
        "half_half_is_half_relevance_and_half_its_base",
        "both halves by themselves",
        "random probabilities",
    ),
    "hierarchical": by("frozen", "hierarchical_bounds_equal_libact", "libact", "frozen arrays"),
    "high_loss": by(
        "strategies_sampling",
        "high_and_low_loss_rank_by_the_log_loss_of_the_true_label",
        "the log loss",
        "random rows",
    ),
    "hintsvm": by(
        "strategies_hintsvm",
        "picks_by_the_dual_of_the_publication",
        "the dual problem by scipy's SLSQP; scikit-learn's SVC without hints",
        TWO_OF_THREE,
    ),
    "importance": by(
        "strategies_sampling",
        "importance_draws_by_the_norm_of_the_gradient",
        "norms of gradients",
        "random rows",
    ),
    "information_density": by(
        "frozen", "information_density_equals_modal", "modAL", "frozen arrays"
    ),
    "informative_diverse": by(
        "strategies_hybrids",
        "informative_diverse_keeps_the_shares_of_the_clusters",
        "the shares",
        "clusters made by hand",
    ),
    "iwkmeans": by(
        "strategies_leaves",
        "without_fixed_centres_it_is_scikit_learns_kmeans",
        "scikit-learn's KMeans without labels; stationarity with them",
        THREE,
    ),
    "kcenter": by(
        "strategies_coverage",
        "kcenter_equals_scikit_activeml",
        SKA,
        "iris, breast cancer and digits (scikit-learn)",
    ),
    "kmeans": by(
        "strategies_coverage",
        "kmeans_takes_the_rows_nearest_to_the_centres",
        "scikit-learn's KMeans",
        "digits (scikit-learn)",
    ),
    "lal": by(
        "strategies_lal",
        "states_are_those_of_scikit_learns_forest",
        "scikit-learn's forests, states and simulated gains",
        TWO_OF_THREE,
    ),
    "leaf_sampling": by(
        "strategies_leaves",
        "shares_of_leaves_equal_scikit_activeml",
        f"{SKA}, regression tree on 0 and 1",
        TWO_OF_THREE,
    ),
    "least_confident": by(
        "strategies_uncertainty",
        "scores_and_picks_equal_scikit_activeml",
        f"{SKA}; modAL's scores",
        "400 random rows of probabilities",
    ),
    "low_loss": by(
        "strategies_sampling",
        "high_and_low_loss_rank_by_the_log_loss_of_the_true_label",
        "the log loss",
        "random rows",
    ),
    "margin": by(
        "strategies_uncertainty",
        "scores_and_picks_equal_scikit_activeml",
        f"{SKA}; modAL's scores",
        "400 random rows of probabilities",
    ),
    "maxherding": by("strategies_herding", "maxherding_equals_scikit_activeml", SKA, THREE),
    "mcm": by(
        "strategies_hybrids",
        "mcm_picks_inside_the_margin_one_per_group",
        "the definition",
        "groups made by hand",
    ),
    "mcm_labeled_margin": by(
        "strategies_published",
        "mcm_takes_the_row_nearest_to_the_mean_inside_the_labelled_margin",
        "the definition",
        "random rows",
    ),
    "mcpal": by("strategies_probabilistic", "mcpal_equals_scikit_activeml", SKA, THREE),
    "min_margin": by(
        "strategies_powers",
        "min_margin_is_the_least_of_all_members",
        "the definition, row by row",
        THREE,
    ),
    "pool_order": by(
        "strategies_published",
        "pool_order_takes_the_next_rows",
        "the order of the pool",
        "random rows",
    ),
    "positive_greedy": by(
        "strategies_imbalance",
        "positive_greedy_takes_the_largest_probabilities",
        "sorting",
        "random probabilities",
    ),
    "power_bald": by(
        "strategies_powers",
        "power_bald_draws_by_mutual_information",
        "mutual information through scipy's entropy",
        "iris (scikit-learn)",
    ),
    "power_entropy": by(
        "strategies_powers",
        "rows_are_drawn_in_proportion_to_a_power_of_entropy",
        "scipy's entropy, and frequencies of 1,200 draws (chi-squared)",
        "random probabilities",
    ),
    "power_margin": by(
        "strategies_hybrids",
        "power_margin_draws_by_powers_of_the_score",
        "the definition",
        "random probabilities",
    ),
    "probcover": by(
        "strategies_coverage",
        "probcover_equals_brute_force",
        f"greedy search; first pick of {SKA}",
        "iris (scikit-learn)",
    ),
    "qbc": by(
        "strategies_committee", "scores_equal_scikit_activeml", f"{SKA}; modAL", "random votes"
    ),
    "qbc_kl": by(
        "strategies_committee",
        "scores_equal_scikit_activeml",
        f"{SKA}; modAL",
        "random probabilities",
    ),
    "quire": by(
        "strategies_expected",
        "quire_equals_scikit_activeml",
        SKA,
        "iris (scikit-learn), two and three classes",
    ),
    "random": by(
        "strategies_sampling",
        "a_copy_of_random_has_luck_of_its_own_and_a_copy_of_margin_has_none",
        "copies of itself",
        "random probabilities",
    ),
    "recorded": by(
        "recorded",
        "a_replay_buys_and_scores_what_was_bought",
        "the runs whose picks were recorded: picks and scores equal to the bit",
        "iris, picks of margin",
    ),
    "random_annotator": by(
        "annotators",
        "random_annotator_asks_all_of_them",
        "what it must ask",
        "three clouds, a simulated panel",
    ),
    "ranked_batch": by(
        "strategies_hybrids", "ranked_batch_by_its_definition", "the definition", "random rows"
    ),
    "repeat_until_agreement": by(
        "annotators",
        "repeat_until_agreement_asks_the_cheapest_until_two_agree",
        "its definition, answer by answer",
        "three clouds, a simulated panel",
    ),
    "same_as": by(
        "strategies_sampling",
        "a_copy_of_random_has_luck_of_its_own_and_a_copy_of_margin_has_none",
        "what it copies",
        "random probabilities",
    ),
    "seals": by(
        "strategies_imbalance",
        "seals_stays_among_the_neighbours",
        "neighbours by sorting",
        "random rows",
    ),
    "softmax": by(
        "strategies_hybrids",
        "softmax_probabilities_by_enumeration",
        "enumeration of all draws",
        "random scores",
    ),
    "spal": by(
        "strategies_discrepancy",
        "machines_equal_other_solvers",
        "scipy's minimisers for each step",
        TWO_OF_THREE,
    ),
    "typiclust": by(
        "frozen", "typiclust_equals_the_authors_code", "the authors' code", "frozen arrays"
    ),
    "uherding": by(
        "strategies_herding", "uherding_by_brute_force", "greedy search over whole kernels", THREE
    ),
    "variance_reduction": by(
        "strategies_fisher",
        "variance_reduction_by_its_definition",
        "summed variances from numeric gradients; statsmodels' covariance",
        THREE,
    ),
    "variation_ratio": by(
        "strategies_committee", "scores_equal_scikit_activeml", SKA, "random votes"
    ),
    "weighted_kmeans": by(
        "strategies_hybrids",
        "weighted_kmeans_picks_among_the_beta_n_most_uncertain",
        "the definition",
        "random rows and probabilities",
    ),
    "worst": by(
        "strategies_sampling", "worst_is_the_opposite_of_margin", "margin", "random probabilities"
    ),
}
"""Strategy -> its comparison. Several are made where a test file says so; one is named."""


def checked(name: str) -> Checked | None:
    """What a strategy was compared with; None for what the table does not know (plugins)."""
    if name.startswith("ska:"):
        return by(
            "skactiveml",
            "picks_distinct_pool_rows_by_the_seed_alone",
            "the contract alone: it is the other library",
            "random rows",
        )
    return CHECKED.get(name)
