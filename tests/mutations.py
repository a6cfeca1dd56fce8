"""See the laws fail: `python tests/mutations.py` makes one mistake at a time and runs its test.

With words, only the mistakes with one of them in the name of the object or of the test:
`mutations.py optimizers`. For mistakes in compiled code, in COMPILED, the extension is compiled
again. Each mistake is made in a copy of the package. A test that still passes is reported; the exit
status is the number of undetected mistakes. `test_mutations.py` checks that every mistake can still
be made, and makes a sample of them.
"""

from __future__ import annotations

import ast
import functools
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent

# (object, a text that occurs once in its source, the mistake in its place, test that must fail).
# The object is a function, a method, a class, or the module of a constant, by its qualified name.
MUTATIONS = [
    # Values outside
    ("skrbm.validation.rows.check_training_rows", "if first else domain", "if not first else domain", "test_validation.py::test_new_rows_are_clipped_silently_up_to_a_mean_distance"),
    # Images
    ("skrbm.images.LocalContrastNormalization._normalized", "images - images[:, :1, :1, :1]", "images * 1", "test_images.py::test_a_constant_image_becomes_zero"),
    ("skrbm.images.LocalContrastNormalization._normalized", "np.abs(v).max(axis=(1, 2, 3), keepdims=True)", "np.ones((1, 1, 1, 1), v.dtype)", "test_images.py::test_extreme_values_are_normalised_like_others"),
    ("skrbm.images.LocalContrastNormalization._normalized", "sigma.mean(axis=(1, 2, 3), keepdims=True)", "sigma.mean()", "test_images.py::test_rows_do_not_depend_on_other_rows"),
    ("skrbm.images.LocalContrastNormalization._normalized", "np.maximum(sigma, sigma.mean(axis=(1, 2, 3), keepdims=True))", "sigma", "test_images.py::test_contrast_above_the_mean_becomes_one"),
    ("skrbm.images.LocalContrastNormalization._normalized", "np.maximum(sigma, sigma.mean(axis=(1, 2, 3), keepdims=True))", "np.maximum(sigma, 3 / np.abs(images).max())", "test_images.py::test_brightness_and_contrast_of_an_image_do_not_matter"),
    ("skrbm.images.LocalContrastNormalization._local_mean", " / weight", "", "test_images.py::test_local_contrast_normalization_equals_a_loop"),
    ("skrbm.images.LocalContrastNormalization._local_mean", "images.mean(axis=3)", "images[..., 0]", "test_images.py::test_local_contrast_normalization_equals_a_loop"),
    ("skrbm.images", "_CUT_OFF = 2.0", "_CUT_OFF = 3.0", "test_images.py::test_local_contrast_normalization_equals_a_loop"),
    ("skrbm.images._OfImages._images", "dtype=_DTYPES", "dtype=np.float64", "test_images.py::test_precision_is_kept"),
    ("skrbm.images.Pool._l2", "/ n_pixels", "/ self.size**2", "test_images.py::test_pooling_equals_a_loop"),
    ("skrbm.images.Pool._reduced", "np.arange(0, images.shape[axis], self.size)", "np.arange(0, images.shape[axis] - self.size + 1, self.size)", "test_images.py::test_pooling_equals_a_loop"),
    ("skrbm.images.Pool._reduced", "np.arange(0, images.shape[axis], self.size)", "np.arange(0, images.shape[axis], self.size - 1)", "test_images.py::test_a_shift_by_a_window_shifts_the_pooled_map"),
    ("skrbm.images.Pool.inverse_transform", "images.repeat(self.size, axis=1)[:, :height]", "images.repeat(self.size, axis=1)[:, -height:]", "test_images.py::test_pooling_the_inverse_gives_the_pooled_values"),
    ("skrbm.images.Pool.inverse_transform", "    require(rows.ndim == 2 and rows.shape[1] == n_pooled, \"shape of X\", rows.shape, shape)\n", "    pass\n", "test_images.py::test_refuses_pooled_rows_of_another_shape"),
    ("skrbm.images.Pool._n_features_out", "self.pooled_shape_", "self.image_shape_", "test_images.py::test_names_of_columns"),
    ("skrbm.validation.parameters.check_image_or_signal", "(1, n_features, 1)", "(n_features, 1, 1)", "test_images.py::test_without_a_shape_images_are_squares_or_lines"),
    ("skrbm.validation.parameters.check_image_or_signal", "is_shape and math.prod(numbers) == n_features", "is_shape", "test_images.py::test_refuses_invalid_parameters"),
    ("skrbm.explain.selectivity.best_unit", "_best_threshold(values[chosen], is_second[chosen])", "_best_threshold(values, is_second)", "test_selectivity.py::test_accuracy_is_measured_on_rows_without_influence_on_the_choice"),
    ("skrbm.explain.selectivity.best_unit", "stratify=labels", "stratify=None", "test_selectivity.py::test_classes_keep_their_shares_in_both_halves"),
    ("skrbm.explain.selectivity.best_unit", "signed[others] > sign * threshold", "signed[others] > threshold", "test_selectivity.py::test_no_other_threshold_is_better_on_the_chosen_half"),
    ("skrbm.explain.selectivity.best_unit", "np.argsort(-signed", "np.argsort(-values[:, unit]", "test_selectivity.py::test_the_most_activating_rows_come_first"),
    ("skrbm.explain.selectivity._best_threshold", "np.where(ascending > lower, right, -1)", "right", "test_selectivity.py::test_no_other_threshold_is_better_on_the_chosen_half"),
    ("skrbm.explain.selectivity._best_threshold", "n_second - excess", "-excess", "test_selectivity.py::test_no_other_threshold_is_better_on_the_chosen_half"),
    ("skrbm.explain.selectivity._best_threshold", "np.full_like(ascending[:1], -np.inf)", "ascending[:1]", "test_selectivity.py::test_classes_keep_their_shares_in_both_halves"),
    ("skrbm.explain.selectivity._inputs", "    has_inputs = isinstance(estimator, DensityRBM | DeepBeliefNetwork)\n", "    has_inputs = False\n", "test_selectivity.py::test_saturated_units_ascend_too"),
    ("skrbm.explain.selectivity._inputs", "net.top.hidden_input([v, *net.means(v)][-2])", "net.means(v)[0]", "test_selectivity.py::test_no_point_of_the_sphere_excites_a_unit_of_a_stack_more"),
    ("skrbm.explain.selectivity.preferred_input", "(slope - (slope @ direction) * direction)", "slope", "test_selectivity.py::test_no_point_of_the_sphere_excites_a_unit_of_a_stack_more"),
    ("skrbm.explain.selectivity.preferred_input", "rows.mean(axis=0)", "0 * rows[0]", "test_selectivity.py::test_the_preferred_input_of_an_rbm_is_the_pattern_of_its_weights"),
    ("skrbm.explain.selectivity.preferred_input", "bounds=limits, ", "", "test_selectivity.py::test_within_bounds_a_linear_unit_prefers_a_corner"),
    ("skrbm.explain.selectivity.preferred_input", "(unit.unit, unit.sign)", "(unit.unit, 1)", "test_selectivity.py::test_within_bounds_a_linear_unit_prefers_a_corner"),
    ("skrbm.explain.selectivity.preferred_input", "    if radius == 0:\n        return start\n", "", "test_selectivity.py::test_equal_rows_are_their_own_preferred_input"),
    # Bars
    ("skrbm.plotting.filters.FiltersDisplay._plot_bars", "self.columns_ = np.sort(largest)", "self.columns_ = largest", "test_plotting.py::test_bars_are_of_the_columns_with_the_largest_weights"),
    ("skrbm.plotting.filters.FiltersDisplay._plot_bars", "self.filters / np.asarray(self.scale, np.float64)", "self.filters", "test_plotting.py::test_filters_of_tables_are_named_bars"),
    # From scikit-learn
    ("skrbm.estimators.rbm.learner.Learner.take_over", "gibbs(rbm, start, state.rng)", "state.chains", "test_from_sklearn.py::test_chains_start_from_the_chains_of_scikit_learn"),
    ("skrbm.estimators.rbm.bernoulli.BernoulliRBM.from_sklearn", ".map(np.array)", "", "test_from_sklearn.py::test_the_model_is_the_same"),
    # Seeds
    ("skrbm.estimators.common.fitted.Seeds.__getstate__", "\"start\": self.start", "\"start\": self.sampling", "test_seeds.py::test_reading_changes_no_hash"),
    ("skrbm.estimators.common.fitted.Seeds.__deepcopy__", "deepcopy(self.sampling)", "deepcopy(self.start)", "test_seeds.py::test_samples_continue_and_a_pickle_restarts"),
    ("skrbm.estimators.dbn.network.DeepBeliefNetwork._seed_layers", "(self, *self._prototypes())", "(self)", "test_seeds.py::test_a_seed_in_a_prototype_counts"),
    # Messages
    ("skrbm.validation.rows._check_finite", "in_matrix if domain.allow_nan else domain.missing", "domain.missing", "test_messages.py::test_nan_is_refused_with_advice_that_can_be_followed"),
    # Streams
    ("skrbm.estimators.rbm.learner.Learner._compare", "merge([self.later, summary])", "summary", "test_streams.py::test_a_stream_unlike_its_first_call_warns_once"),
    ("skrbm.data.scaling.Standardized.unlike", "varies & (", "(", "test_streams.py::test_a_stream_of_equal_rows_does_not_warn"),
    # Progress
    ("skrbm.learning.progress.progress", "math.ceil(n_iter / n_lines)", "n_iter // n_lines", "test_progress.py::test_a_fit_writes_at_most_twenty_lines_at_equal_intervals"),
    ("skrbm.learning.progress.progress", "        if unwritten:", "        if False:", "test_progress.py::test_a_fit_that_ends_early_shows_its_last_epoch"),
    # Watching
    ("skrbm.learning.watching.Watch.of", "price.of_call + n_rows * price.of_row", "price.of_call", "test_watching.py::test_watching_costs_a_twentieth_of_the_updates_except_in_the_first_and_last_epoch"),
    ("skrbm.learning.watching.Watch.includes", "i = 1 + math.isqrt((epoch * n_squares - 1) // n_steps)", "i = math.isqrt(epoch * n_squares // n_steps)", "test_watching.py::test_watched_epochs_are_at_the_squares"),
    ("skrbm.learning.loop.Loop.watched", "if not watch.includes(epoch):", "if False:", "test_watching.py::test_other_epochs_repeat_the_latest_figure"),
    ("skrbm.learning.loop.Loop.watched", "batch.v[: watch.n_rows]", "batch.v", "test_watching.py::test_other_epochs_repeat_the_latest_figure"),
    ("skrbm.learning.early_stopping.EarlyStopping.see", "best.n_epochs in self.ends", "best.n_epochs - 1 in self.ends", "test_watching.py::test_early_stopping_scores_watched_epochs_and_the_ends_of_decays"),
    ("skrbm.learning.loop._Held.of", "row_keys(values)", "np.arange(len(values))", "test_watching.py::test_few_rows_are_trained_like_many"),
    ("skrbm._kernels.random.uniform_by_key", "hashed = keys[:, None] * factor", "hashed = keys[:, None] + 0 * factor", "test_kernels.py::test_draws_by_content"),
    ("skrbm.distributed.fit.Fit._train.epochs", "outcome.figure if is_new else latest(state.history, figure)", "outcome.figure", "test_distributed.py::test_updates_equal_updates_on_one_machine"),
    ("skrbm.learning.watching.Watch.of_scores", "min(n_rows, max(_FEWEST_SCORED, int(affordable)))", "n_rows", "test_watching.py::test_scores_cost_a_twentieth_unless_they_are_few"),
    ("skrbm.learning.early_stopping.EarlyStopping._of_rows", "slice(*end, step)", "slice(*end)", "test_watching.py::test_scored_rows_are_equally_spaced"),
    # Early stopping
    ("skrbm.estimators.rbm.settings.Settings.plan", "size.n_rows + size.n_held_out", "size.n_rows", "test_early_stopping.py::test_a_validation_set_does_not_make_a_fit_longer"),
    ("skrbm.learning.early_stopping.ends_of_decays", ">= fewest", ">= 1", "test_early_stopping.py::test_decays_are_long_enough_and_each_starts_after_the_one_before"),
    ("skrbm.learning.schedules.InTurn.__call__", "(progress - begin)", "progress", "test_early_stopping.py::test_the_step_size_decays_to_zero_in_turn"),
    ("skrbm.learning.early_stopping.EarlyStopping.see", "if best.n_epochs in self.ends:", "if self.watch.includes(best.n_epochs - 1):", "test_early_stopping.py::test_only_the_ends_of_decays_are_compared"),
    ("skrbm.learning.early_stopping.EarlyStopping.finish", "        if self.best.scores is None:\n            self._compare(rbm)\n", "", "test_early_stopping.py::test_a_fit_that_a_callback_ends_before_its_first_decay_keeps_its_parameters"),
    ("skrbm.learning.early_stopping.EarlyStopping._compare", "max(self.tol, _ERRORS_LOWER * _error(gain))", "self.tol", "test_early_stopping.py::test_a_decline_within_its_error_does_not_count"),
    ("skrbm.learning.early_stopping.EarlyStopping._compare", "best.n_worse, best.score, best.excess = 0, ", "best.score, best.excess = ", "test_early_stopping.py::test_training_ends_after_worse_decays_and_keeps_the_last_that_was_not"),
    ("skrbm.learning.early_stopping.EarlyStopping._compute", "- math.log(self.training.shape[0])", "", "test_early_stopping.py::test_rows_count_as_memorised_if_the_gap_exceeds_the_log_of_their_number"),
    ("skrbm.estimators.rbm.doubts.warn_of_memorised_rows", "    warn_caller(", "    str(", "test_early_stopping.py::test_warns_once_with_a_remedy_when_rows_are_memorised"),
    ("skrbm.data.views.LabelledRows.stratified", "kind=\"stable\")]", "kind=\"stable\")[np.random.default_rng(0).permutation(len(order))]]", "test_early_stopping.py::test_a_validation_set_has_the_same_share_of_every_class"),
    ("skrbm.data.views.LabelledRows.stratified", "by_class[1:][np.diff(self.labels[by_class]) == 0]", "by_class", "test_early_stopping.py::test_a_validation_set_has_the_same_share_of_every_class"),
    ("skrbm.estimators.rbm.settings.Settings.split_indices", "order = X.stratified(order, n_validation)", "pass", "test_early_stopping.py::test_early_stopping_of_a_classifier_is_stratified"),
    ("skrbm.validation.parameters.check_split", "> n_rows - n_classes", "> n_rows - 1", "test_early_stopping.py::test_early_stopping_of_a_classifier_is_stratified"),
    # Kernels
    ("skrbm._kernels.arrays.logistic", "z += 1\n    return np.reciprocal", "z += 1.001\n    return np.reciprocal", "test_kernels.py::test_logistic_is_exact_in_both_tails"),
    ("skrbm._kernels.arrays.softplus", "tail += np.maximum(x, 0)", "pass", "test_kernels.py::test_softplus_is_log_of_one_plus_exp"),
    ("skrbm._kernels.pairs._log_product", "        if len(factors) % 2:\n            folded[0] *= factors[-1]\n", "", "test_kernels.py::test_pairwise_sum_softplus_equals_softplus_of_sums"),
    ("skrbm._kernels.pairs", "4: 40.0", "4: 340.0", "test_kernels.py::test_pairwise_sum_softplus_equals_softplus_of_sums"),
    ("skrbm._kernels.pairs", "_SAFE_SHARE = 0.75", "_SAFE_SHARE = 1.0", "test_kernels.py::test_pairs_are_right_if_the_processor_flushes_subnormal_numbers_to_zero"),
    ("skrbm._kernels.pairs._sum_log_products", "return first + last", "return first", "test_kernels.py::test_sums_over_many_pairs_do_not_depend_on_blocks"),
    ("skrbm._kernels.products.addmm", "        c += a.T @ b", "        c = c + a.T @ b", "test_kernels.py::test_addmm_adds_a_product_in_place"),
    ("skrbm._kernels.random.bernoulli", "np.less(_uniform(states, rng), states", "np.greater(_uniform(states, rng), states", "test_kernels.py::test_bernoulli_draws_have_their_probability"),
    ("skrbm._kernels.arrays", "_FINITE_EXPONENT = 80.0", "_FINITE_EXPONENT = 1e9", "test_kernels.py::test_sum_softplus_is_the_sum"),
    ("skrbm._kernels.arrays.sum_softplus", "return sum_float64(terms)", "return terms.sum(axis=-1).astype(np.float64)", "test_kernels.py::test_sum_softplus_is_the_sum"),
    ("skrbm.units.layer.Discrete.energy_above", "return state @ (base.bias - self.bias)", "return state @ (self.bias - base.bias)", "test_units.py::test_energy_above_a_base_is_the_difference"),
    ("skrbm.data.summary._merged_moments", "    third += distance * (3 * second + spread)\n", "", "test_summary.py::test_column_moments_equal_moments_of_all_rows"),
    ("skrbm.data.summary._block_moments", "u = np.subtract(x, first, dtype=np.float64)", "u = x - 0 * first", "test_summary.py::test_column_moments_equal_moments_of_all_rows"),
    # Law 1
    ("skrbm.units.bernoulli.Bernoulli.log_normalizer", "arrays.sum_softplus(input + self.bias)", "arrays.sum_softplus(input + 0 * self.bias)", "test_units.py::test_log_normalizer_is_the_sum_over_states"),
    ("skrbm.units.bernoulli.Bernoulli.mean", "arrays.logistic(input, self.bias)", "arrays.logistic(input, 0 * self.bias)", "test_units.py::test_mean_is_the_derivative_of_the_log_normalizer"),
    ("skrbm.units.layer.Discrete.energy", "return -arrays.row_dot(state, self.bias)", "return arrays.row_dot(state, self.bias)", "test_units.py::test_energy_is_minus_the_log_density"),
    ("skrbm.units.bernoulli.Bernoulli.pairwise_log_normalizer", "(x + self.bias, y)", "(x + self.bias, y + self.bias)", "test_units.py::test_pairwise_log_normalizer_uses_summed_inputs"),
    ("skrbm.units.bernoulli.Bernoulli.sample", "random.bernoulli(mean, rng)", "random.bernoulli(1 - mean, rng)", "test_units.py::test_draws_have_the_mean_and_variance_of_the_distribution"),
    ("skrbm.units.bernoulli.Bernoulli.interpolate", "base.bias + beta * (self.bias - base.bias)", "self.bias + beta * (base.bias - self.bias)", "test_units.py::test_interpolation_is_linear_in_the_energy"),
    # Law 2
    ("skrbm.model.RBM.energy", "return self.visible.energy(v) + self.hidden.energy(h) - coupling", "return self.visible.energy(v) + self.hidden.energy(h) + coupling", "test_model.py::test_energy_is_minus_the_log_joint"),
    ("skrbm.model.RBM.free_energy", "return self.visible.energy(v) - self.hidden", "return -self.hidden", "test_model.py::test_free_energy_sums_out_the_hidden_units"),
    ("skrbm.model.RBM.swap", "self.hidden, self.visible, self.weights.T", "self.visible, self.hidden, self.weights.T", "test_model.py::test_log_partition_is_the_same_from_both_sides"),
    ("skrbm.model.RBM.scaled", "return x if self.beta is None else self.beta * x", "return x", "test_model.py::test_interpolated_energy_lies_between_base_and_model"),
    # Law 3
    ("skrbm.learning.gradients.ExactGradient.phases", "(visible, probability)", "(visible, 0 * probability + 1 / len(visible))", "test_gradients.py::test_exact_gradient_is_the_slope_of_the_log_likelihood"),
    # Law 4
    ("skrbm.samplers.gibbs", "hidden = chains.hidden\n", "hidden = chains.hidden_mean\n", "test_samplers.py::test_gibbs_leaves_the_joint_distribution_unchanged"),
    ("skrbm.samplers.gibbs_visible", "v = rbm.sample_visible(rbm.sample_hidden(v, rng), rng)", "v = rbm.sample_visible(rbm.hidden_from_visible(v), rng)", "test_samplers.py::test_gibbs_from_visible_states_leaves_the_marginal_unchanged"),
    ("skrbm.samplers.jump", "    log_ratio -= proposal.log_density(layer, both)\n", "", "test_samplers.py::test_jumps_leave_the_distribution_unchanged"),
    ("skrbm.samplers.jump", "x[chains][accepted] = jumping[accepted]", "x[: len(accepted)][accepted] = jumping[accepted]", "test_samplers.py::test_only_the_chosen_chains_jump"),
    ("skrbm.samplers.ParallelTempering._exchange", "pair[accepted] = arrays.flip(pair[accepted], axis=1)", "pass", "test_samplers.py::test_tempering_visits_both_modes"),
    ("skrbm.samplers.ParallelTempering._exchange", "random.accept(log_ratio, rng)", "random.accept(0.3 * log_ratio, rng)", "test_samplers.py::test_tempering_leaves_every_replica_s_distribution_unchanged"),
    ("skrbm.samplers.ParallelTempering.step", "self._adapt()", "pass", "test_samplers.py::test_temperatures_adapt_to_equal_rejection"),
    ("skrbm.samplers.ParallelTempering._adapt", "min(barrier[-1], _LARGEST_REJECTION * len(self.rejection))", "barrier[-1]", "test_samplers.py::test_temperatures_end_above_zero_if_there_are_too_few"),
    ("skrbm.diagnostics.integrated_autocorrelation_time", "2 * np.cumsum", "np.cumsum", "test_diagnostics.py::test_autocorrelation_time_of_autoregressive_chains"),
    ("skrbm.diagnostics.split_r_hat", "np.hstack([x[:n], x[n : 2 * n]])", "x", "test_diagnostics.py::test_r_hat_detects_chains_that_differ_or_drift"),
    # Law 5
    ("skrbm.learning.gradients.jump_proposal", "mean = devices.with_device_of(state.proposal_mean, rbm.reference)", "mean = 0 * devices.with_device_of(state.proposal_mean, rbm.reference) + 0.5", "test_gradients.py::test_jumps_are_proposed_by_the_last_mini_batch"),
    ("skrbm.learning.gradients._phases", "rbm.hidden_from_visible(model_v))\n        return", "rbm.hidden_from_visible(0 * model_v))\n        return", "test_gradients.py::test_sparse_rows_have_the_gradient_of_the_same_rows"),
    ("skrbm.learning.gradients._phases", "rbm.hidden_from_visible(both)", "rbm.hidden_from_visible(both)[::-1]", "test_gradients.py::test_persistent_gradient_is_exact_in_expectation"),
    ("skrbm.learning.gradients.PersistentContrastiveDivergence.phases", "samplers.gibbs(rbm, hidden, rng, self.n_steps - 1)", "samplers.gibbs(rbm, 0 * hidden, rng, self.n_steps - 1)", "test_gradients.py::test_persistent_chains_continue"),
    ("skrbm.learning.gradients.ContrastiveDivergence.phases", "samplers.gibbs(rbm, rbm.hidden.sample(mean, rng), rng, self.n_steps)", "samplers.gibbs(rbm, rbm.hidden.sample(mean, rng), rng, 1)", "test_gradients.py::test_contrastive_divergence_approaches_the_exact_gradient_with_its_steps"),
    # Law 6
    ("skrbm.learning.gradients._phases", "for x in (weights / weights.sum(), -model_weights)", "for x in (weights / 10, -model_weights)", "test_gradients.py::test_doubled_weights_and_doubled_rows_change_no_gradient"),
    ("skrbm.learning.gradients._phases", "for x in (weights / weights.sum(), -model_weights)", "for x in (weights / 7, -model_weights)", "test_rbm.py::test_mini_batches_of_any_size_do_not_shift_the_fixed_point"),
    ("skrbm.learning.loop.Loop.epochs", "self.update(state, batch.v, batch.weights, batch.pace)", "self.update(state, batch.v, 0 * batch.weights + 1, batch.pace)", "test_rbm.py::test_weight_two_is_the_row_given_twice"),
    # The step
    ("skrbm.data.whitening.whitening", "(distance / left + np.log(left)) @ w", "distance @ w", "test_whitening.py::test_shrinkage_maximises_the_likelihood_of_rows_left_out"),
    ("skrbm.data.whitening.whitening", "np.where(third < -_ZERO, -directions, directions)", "directions", "test_whitening.py::test_the_map_follows_the_order_and_the_sign_of_columns"),
    ("skrbm.data.whitening.whitening", "along[:, -1] ** 4", "along[:, 0] ** 4", "test_whitening.py::test_kurtosis_is_the_smallest_for_two_clusters"),
    ("skrbm.data.whitening.Whitening.explains_more", "self.kurtosis > _FLAT", "True", "test_gaussian.py::test_auto_is_full_for_correlated_columns_without_clusters"),
    ("skrbm.data.whitening._completed", "total[np.ix_(gap, gap)] += share[rows].sum() * left", "pass", "test_whitening.py::test_covariances_of_incomplete_rows_approach_the_covariances_of_all_values"),
    ("skrbm.data.correlations.variance_and_square_correlation", "of_pairs / n_pairs - by_chance", "of_pairs / n_pairs", "test_summary.py::test_few_rows_of_independent_columns_do_not_seem_correlated"),
    ("skrbm.learning.optimizer._shrink", "rbm.visible.add_to_bias(-change.T.input(k))", "pass", "test_optimizer.py::test_prior_moves_the_centred_weights_along_its_gradient"),
    ("skrbm.learning.loop.Prior.limits", "weight_seen if self.weight is None else self.weight", "self.weight or 1.0", "test_loop.py::test_the_prior_counts_all_rows_of_a_fit_or_all_seen_so_far_in_a_stream"),
    ("skrbm.learning.defaults.Defaults.prior", "return 0.0", "pass", "test_rbm.py::test_a_few_patterns_are_stored"),
    ("skrbm.learning.defaults._alpha", "return _ALPHA", "return 0 * _ALPHA", "test_rbm.py::test_noise_is_not_learned"),
    ("skrbm.data.summary.Summary.n_independent_bits", "4 * float(mean @ (1 - mean))", "len(mean)", "test_summary.py::test_rare_columns_count_in_proportion_to_their_variance"),
    ("skrbm.estimators.rbm.bernoulli.BernoulliRBM._begin", ", n_independent=n_independent", "", "test_rbm.py::test_topics_of_rare_words_are_learned"),
    ("skrbm.estimators.rbm.labelled.LabelledRBM._begin", ", n_independent=n_independent", "", "test_labels.py::test_classes_of_rare_words_are_learned"),
    ("skrbm.estimators.rbm.tabular.TabularRBM._begin", ", n_independent=n_independent", "", "test_rbm.py::test_classes_of_rare_categories_are_learned"),
    ("skrbm.learning.optimizer._factors", "return x, weights - x @ k", "return x, weights", "test_optimizer.py::test_step_is_a_gradient_step_of_the_centred_parameters"),
    ("skrbm.learning.optimizer.CentredOptimizer.statistics", "of_visible, 1 - scaled @ in_biases[0])", "of_visible, 1 + 0 * (scaled @ m))", "test_optimizer.py::test_flipping_every_bit_does_not_change_the_learned_model"),
    ("skrbm.learning.optimizer.CentredOptimizer.statistics", "x = arrays.concat([x, sparse_x.sum(axis=0, keepdims=True)])", "x = arrays.concat([x, 0 * sparse_x[:1]])", "test_optimizer.py::test_sparse_rows_make_the_same_step"),
    ("skrbm._kernels.arrays.lerp", "return x * (np.abs(x) > _VANISHED)", "return x", "test_optimizer.py::test_offset_of_a_column_without_ones_vanishes"),
    ("skrbm.learning.optimizer._data_means", "weights[:n_data] @ v[:n_data], weights", "-weights[n_data:] @ v[n_data : len(weights)], weights", "test_optimizer.py::test_offsets_follow_the_data_and_not_the_model"),
    ("skrbm.learning.step_statistics.Statistics.__add__", "moments=self.moments and other.moments and _sums(self.moments, other.moments)", "moments=self.moments", "test_optimizer.py::test_a_step_equals_the_step_of_its_summed_parts"),
    ("skrbm.learning.step_statistics.Statistics.__add__", "probes=self.probes and other.probes and self.probes.joined(other.probes)", "probes=self.probes", "test_optimizer.py::test_a_step_equals_the_step_of_its_summed_parts"),
    ("skrbm.learning.gradients.Phases.weighted", "share * rows.weights", "rows.weights", "test_optimizer.py::test_a_step_equals_the_step_of_its_summed_parts"),
    # Law 7 and log Z
    ("skrbm.annealing.AnnealingPath.log_partition_at_zero", "return float(self.base.log_normalizer(0.0) + self.hidden_at_zero.log_normalizer(0.0))", "return float(self.base.log_normalizer(0.0))", "test_likelihood.py::test_annealing_without_weights_is_exact"),
    ("skrbm.annealing.anneal", "v = current.sample_visible(", "v = path.rbm.sample_visible(", "test_likelihood.py::test_annealing_is_right_within_its_standard_error"),
    ("skrbm.annealing.equal_divergence", "+ 1e-300) ** 0.5", "+ 1e-300)", "test_likelihood.py::test_temperatures_are_placed_by_divergence"),
    ("skrbm.annealing.equal_divergence", "reverse.var(axis=0)) / 2, lag)", "reverse.var(axis=0)) / 2, 0 * lag)", "test_likelihood.py::test_temperatures_are_placed_by_divergence"),
    ("skrbm.annealing.bennett", "return ratio, variance**0.5", "return ratio, 2 * variance**0.5", "test_likelihood.py::test_bennett_s_estimate_and_its_error"),
    ("skrbm.annealing.bennett.excess", "arrays.logistic(ratio, reverse)\n        return", "arrays.logistic(-ratio, -reverse)\n        return", "test_likelihood.py::test_bennett_s_estimate_and_its_error"),
    ("skrbm.annealing.disagreement", "arrays.concat([share, -equal])[order]", "arrays.concat([0 * share + equal[0], -equal])[order]", "test_likelihood.py::test_weights_of_both_directions_agree_in_equilibrium"),
    ("skrbm.likelihood._bracket", "annealing.disagreement(forward, reverse) > _LARGEST_DISAGREEMENT", "False", "test_likelihood.py::test_contradicting_directions_are_detected"),
    ("skrbm.samplers.ParallelTempering.log_weights", "betas = arrays.concat([self.betas, 0 * self.betas[:1]])", "betas = arrays.concat([self.betas, self.betas[-1:]])", "test_likelihood.py::test_tempering_is_unbiased_if_its_temperatures_end_above_zero"),
    ("skrbm.estimators.common.fitted.Fitted.log_partition", "ladder = deepcopy(training.tempering)", "ladder = training.tempering", "test_inference.py::test_bounds_with_other_gradients"),
    ("skrbm.likelihood.from_stretches", "math.sqrt(max(variance, least) / n)", "math.sqrt(variance) / 30", "test_likelihood.py::test_annealing_is_right_within_its_standard_error"),
    ("skrbm.likelihood.LogPartition.doubt", "self.effective_sample_size < _SMALLEST_SAMPLE", "False", "test_likelihood.py::test_forward_annealing_reports_a_small_effective_sample_size"),
    ("skrbm.likelihood.LogPartition.doubt", "wide = self.std_error > _LARGEST_ERROR", "wide = False", "test_likelihood.py::test_forward_annealing_reports_a_small_effective_sample_size"),
    ("skrbm.likelihood._bracket", "lower = min(low.value, value - margin)", "lower = value - std_error", "test_likelihood.py::test_bounds_contain_the_exact_value_unless_in_doubt"),
    ("skrbm.likelihood.exact_log_partition", "range(0, n_outer, _OUTER_STATES)", "range(0, n_outer, _OUTER_STATES // 2)", "test_likelihood.py::test_exact_log_partition_in_several_tasks"),
    ("skrbm.likelihood.exact_log_partition", "for i in starts]", "for i in starts[:1]]", "test_likelihood.py::test_exact_log_partition_of_many_units_is_the_sum_over_the_hidden_states"),
    ("skrbm.likelihood.log_partition", "max(_CHEAP, bracket_cost(rbm, budget))", "0.6 * 2**30", "test_likelihood.py::test_automatic_method_is_the_cheaper_one_or_exact_within_a_second"),
    ("skrbm.likelihood.bracket_cost", "2 * budget.n_chains", "200", "test_likelihood.py::test_costs_grow_with_units_and_budget"),
    ("skrbm.likelihood._log_total.log_ratio", "- unit.energy(others) - here", "- here", "test_likelihood.py::test_pseudo_log_likelihood_is_the_sum_of_exact_conditionals"),
    ("skrbm.likelihood.pseudo_log_likelihood", "total * (n_units / n_flips)", "total", "test_likelihood.py::test_pseudo_log_likelihood_from_some_columns_is_unbiased"),
    ("skrbm.annealing.anneal", "in pairwise(models):", "in pairwise(reversed(list(models))):", "test_likelihood.py::test_annealing_in_reverse_is_right_within_its_standard_error"),
    # Law 8
    ("skrbm.learning.optimizer._growth", "of_visible @ v, of_hidden @ x", "of_visible @ v, -(of_hidden @ x)", "test_rbm.py::test_likelihood_rises_and_ends_near_the_entropy"),
    # Law 9
    ("skrbm.units.bernoulli.Bernoulli.from_totals", "arrays.log((total + 1) / (n_rows - total + 1))", "arrays.log(total / (n_rows - total))", "test_rbm.py::test_extreme_data_give_finite_models"),
    ("skrbm.learning.early_stopping.EarlyStopping.finish", "zip(rbm.parameters, self.best.parameters, strict=True)", "()", "test_early_stopping.py::test_training_ends_after_worse_decays_and_keeps_the_last_that_was_not"),
    ("skrbm.learning.early_stopping.EarlyStopping._compare", "max(self.tol, _ERRORS_LOWER * _error(gain))", "_ERRORS_LOWER * _error(gain)", "test_early_stopping.py::test_a_decline_up_to_tol_does_not_count"),
    ("skrbm._kernels.arrays.softplus", "tail = np.asarray(np.abs(x))\n    np.negative(tail, out=tail)\n    np.exp(tail, out=tail)\n    np.log1p(tail, out=tail)\n    tail += np.maximum(x, 0)\n    return tail", "return np.log1p(np.exp(x))", "test_rbm.py::test_weights_times_a_hundred_stay_finite"),
    # Draws and blocks
    ("skrbm._kernels.random._uniform", "int(bits[-1]) % 256 / 256", "0", "test_kernels.py::test_bernoulli_draws_have_their_probability"),
    ("skrbm._kernels.threads._of_blocks", "rng.spawn(len(blocks)) if", "[rng] * len(blocks) if", "test_kernels.py::test_draws_by_rows_do_not_depend_on_the_number_of_threads"),
    ("skrbm._kernels.threads._of_blocks", "rng.spawn(len(blocks)) if", "[type(rng)(type(rng.bit_generator)(0)) for _ in blocks] if", "test_kernels.py::test_draws_by_rows_are_independent"),
    ("skrbm._kernels.arrays.row_dot", "        y = float64(y)\n", "", "test_kernels.py::test_row_dot_is_summed_in_float64"),
    ("skrbm._kernels.threads.in_threads", "        with _blas().limit(limits=1):", "        _blas().limit(limits=1)\n        if True:", "test_kernels.py::test_work_by_rows_restores_the_threads_of_products"),
    ("skrbm._kernels.threads.in_threads", "not _in_threads.acquire(blocking=False):", "(not _in_threads.acquire(blocking=False) and False):", "test_kernels.py::test_threads_of_products_are_restored_after_concurrent_callers"),
    ("skrbm.annealing.bennett", "if lowest - highest > _LARGEST_GAP:", "if False:", "test_likelihood.py::test_directions_too_far_apart_have_an_infinite_error"),
    ("skrbm.likelihood.from_stretches", "share = 1.0 if variance <= expected else expected / variance", "share = expected / max(variance, 1e-300)", "test_likelihood.py::test_annealing_without_weights_is_exact"),
    ("skrbm._kernels.threads.by_rows.one_block", "results[0][rows] = block", "results[0][: len(block)] = block", "test_kernels.py::test_work_by_rows_equals_work_on_all_rows"),
    ("skrbm.data.summary._merged_bounds", "np.fmax.reduce([part.high for part in parts])", "parts[0].high", "test_summary.py::test_bounds_cover_all_rows"),
    # Training
    ("skrbm.units.bernoulli.Bernoulli.from_data", "return devices.like(u < values, values)", "return values", "test_loop.py::test_grey_values_are_probabilities_of_states"),
    ("skrbm.learning.early_stopping.EarlyStopping._compute", "self._of_rows(rbm, self.validation, self.score)", "self._of_rows(rbm, self.training, self.score)", "test_early_stopping.py::test_the_score_is_the_pseudo_log_likelihood_of_held_out_rows"),
    # Rows of files
    ("skrbm.data.sources.DiskRows.visits", "            rng.shuffle(rows)\n", "", "test_sources.py::test_all_orders_of_blocks_and_of_rows_in_a_group_are_equally_likely"),
    ("skrbm.data.sources.DiskRows.visits", "blocks = rng.permutation(-(-n_rows // block_rows))", "blocks = np.arange(-(-n_rows // block_rows))", "test_sources.py::test_all_orders_of_blocks_and_of_rows_in_a_group_are_equally_likely"),
    ("skrbm.data.sources.DiskRows._read", "place, place_of[oldest] = place_of[oldest], -1", "place = place_of[oldest]", "test_sources.py::test_rows_come_in_the_order_of_their_indices"),
    ("skrbm.data.sources.ChosenRows.part", "rows=self.rows[rows])", "rows=rows)", "test_sources.py::test_rows_come_in_the_order_of_their_indices"),
    ("skrbm.data.sources.DiskRows._read", "held.popleft()", "held.pop()", "test_sources.py::test_an_epoch_visits_every_row_and_reads_every_block_once"),
    ("skrbm.data.sources.part", "return X[rows] if sparse.issparse(X) else ChosenRows(X, rows)", "return X[rows]", "test_sources.py::test_fit_never_holds_a_second_copy_of_the_data"),
    ("skrbm.data.sources.ChosenRows.__getitem__", "if self.limits is None else", "if True else", "test_sources.py::test_values_of_a_file_outside_the_domain_are_clipped_on_access"),
    ("skrbm.data.sources.access", "    while isinstance(base, np.ndarray):\n", "    if isinstance(base, np.ndarray):\n", "test_sources.py::test_only_large_views_of_mapped_files_stay_in_the_file"),
    ("skrbm.data.sources.access", "or X.nbytes <= BUFFER_BYTES:", "or False:", "test_sources.py::test_a_small_file_is_treated_as_memory"),
    ("skrbm.data.sources.TensorRows.__getitem__", "return self.X[rows]", "return to_host(self.X)[rows]", "test_torch.py::test_rows_on_a_device_stay_there"),
    ("skrbm.data.sources.TensorRows.clip", "return ChosenRows(self, np.arange(len(self)), (low, high))", "return ChosenRows(self, np.arange(len(self)))", "test_torch.py::test_values_outside_give_a_warning_and_are_clipped"),
    ("skrbm.learning.loop.Loop.mini_batches", "shuffled(feed.rows, state.order) if plan.shuffle", "state.order.permutation(n_rows) if plan.shuffle", "test_sources.py::test_a_fit_reads_a_file_once_per_epoch"),
    ("skrbm.learning.loop.Loop.mini_batches", "shuffled(feed.rows, state.order) if plan.shuffle", "shuffled(feed.rows, state.order) if True", "test_sources.py::test_a_file_is_read_in_its_order_by_partial_fit"),
    ("skrbm.validation.rows.check_training_rows", "    rows = access(rows)\n", "", "test_sources.py::test_a_file_gives_the_model_of_its_rows_in_the_same_order"),
    ("skrbm.estimators.rbm.settings.Settings.split_indices", "            train.sort()\n", "", "test_sources.py::test_rows_to_train_on_are_in_the_order_of_the_file"),
    ("skrbm.data.summary.find_bounds", "    starts = range(0, rows.shape[0], BLOCK_ROWS)\n", "    starts = range(0, rows.shape[0], BLOCK_ROWS)\n    np.isnan(rows).any()\n", "test_sources.py::test_missing_values_need_no_mask_of_all_data"),
    ("skrbm.estimators.rbm.settings.Settings.split_indices", "validation, train = order[:n_validation], order[n_validation:]", "validation, train = order[:n_validation], order", "test_early_stopping.py::test_early_stopping_helps_if_training_overfits"),
    ("skrbm.estimators.rbm.base.BaseRBM._fit", "first = not self.warm_start or self._learner is None", "first = True", "test_early_stopping.py::test_warm_start_continues"),
    ("skrbm.data.summary._first_values", "        first = np.isnan(x).argmin(axis=0)\n", "        first = 0 * np.isnan(x).argmin(axis=0)\n", "test_summary.py::test_column_moments_ignore_missing_values"),
    # Gaussian units
    ("skrbm.units.gaussian.Gaussian.log_normalizer", "response = self.mean(input / 2)", "response = self.mean(input)", "test_units.py::test_log_normalizer_is_the_sum_over_states"),
    ("skrbm.units.gaussian.Gaussian.sample", "noise *= self.precision**-0.5", "noise *= self.precision**-1.0", "test_units.py::test_draws_have_the_mean_and_variance_of_the_distribution"),
    ("skrbm.units.gaussian.Gaussian.pairwise_log_normalizer", "self.log_normalizer(y) - self._log_volume()", "self.log_normalizer(y)", "test_units.py::test_pairwise_log_normalizer_uses_summed_inputs"),
    ("skrbm.units.layer.Layer.interpolate", "x + beta * (y - x)", "y + 0 * beta * x", "test_units.py::test_interpolation_is_linear_in_the_energy"),
    ("skrbm.units.gaussian.Gaussian.preconditioned", "return gradient * self.precision", "return gradient", "test_optimizer.py::test_gaussian_step_is_preconditioned_by_the_precision"),
    ("skrbm.units.gaussian._log_sum", "range(0, _MOST_NODES, _N_BEYOND)", "()", "test_likelihood.py::test_quadrature_continues_while_outside_nodes_count"),
    ("skrbm.units.gaussian._log_sum", "range(0, _MOST_NODES, _N_BEYOND)", "range(0, 10**9, _N_BEYOND)", "test_likelihood.py::test_quadrature_ends_if_rounding_merges_its_nodes"),
    ("skrbm.learning.variance.VarianceGradient.excess", "            excess -= 1", "            pass", "test_optimizer.py::test_variances_follow_the_gradient_of_their_logarithm"),
    ("skrbm.learning.variance.VarianceGradient.excess", " - 2 * layer.response(explained)", "", "test_optimizer.py::test_variances_follow_the_gradient_of_their_logarithm"),
    ("skrbm.learning.step_statistics.Statistics._change", "return change, (slope**2", "return change, (0 * slope**2", "test_optimizer.py::test_the_divergence_of_a_step_is_limited"),
    ("skrbm.learning.step_statistics.Statistics.divergence", "SHARE_OF_DATA * of_data", "of_model", "test_hopfield.py::test_couplings_are_learned_at_any_rate"),
    ("skrbm.units.gaussian.Gaussian.scale_precision", ".clip(max=1 / smallest_variance)", "", "test_optimizer.py::test_variances_stay_above_their_floor"),
    ("skrbm.learning.optimizer.CentredOptimizer.apply", "variance_share * (1 + excess) - 1", "excess", "test_optimizer.py::test_variances_rise_from_a_share_of_the_unexplained_variance"),
    ("skrbm.data.scaling.Standardized.of", "np.where(third < 0, -scale, scale)", "scale + 0 * third", "test_gaussian.py::test_units_of_the_data_do_not_matter"),
    ("skrbm.data.summary._with_moments", "shares = weights / weights.sum()", "shares = np.full(len(weights), 1 / len(weights))", "test_gaussian.py::test_weight_two_is_the_row_given_twice"),
    ("skrbm.data.scaling.Standardized.variance", "rbm.visible.response(self.scale.astype(np.float64) ** 2)", "self.scale.astype(np.float64) ** 2 * rbm.visible.precision", "test_gaussian.py::test_the_choice_of_variance_is_respected"),
    ("skrbm.estimators.rbm.base.BaseRBM._partial_fit", "if first:", "if True:", "test_gaussian.py::test_first_call_of_partial_fit_fixes_the_units"),
    ("skrbm.units.gaussian.Gaussian.standard", "return cls(mean, 0 * mean + 1)", "return cls(mean, 0 * mean + 2)", "test_hopfield.py::test_marginal_equals_the_pairwise_model"),
    ("skrbm.units.gaussian.Gaussian.sample", "noise *= self.precision**-0.5", "noise *= 0", "test_hopfield.py::test_samples_follow_the_pairwise_model"),
    ("skrbm.units.gaussian.Gaussian.sample", "noise *= self.precision**-0.5", "noise *= 0", "test_gaussian.py::test_samples_have_the_model_s_moments"),
    ("skrbm.learning.defaults", "rate=lambda n_components: 2.0", "rate=lambda n_components: 1e-6", "test_hopfield.py::test_patterns_are_recalled"),
    ("skrbm._kernels.random.normal", "(library(u).sin, draws", "(library(u).cos, draws", "test_kernels.py::test_normal_draws_have_their_distribution"),
    ("skrbm.data.scaling.Standardized.to_model", "u /= with_device_of(self.scale, X)", "u /= abs(self.scale).max()", "test_gaussian.py::test_columns_of_all_scales"),
    ("skrbm.estimators.common.fitted.Fitted.log_partition", "return result.shifted(self.scaling.log_volume)", "return result", "test_gaussian.py::test_densities_integrate_to_one"),
    ("skrbm.estimators.common.fitted.Fitted.pseudo_log_likelihood.work", "n_flips, rng) - log_volume", "n_flips, rng)", "test_gaussian.py::test_pseudo_log_likelihood_is_in_the_units_of_the_data"),
    ("skrbm.estimators.rbm.density.DensityRBM._row_figure.figure", "rbm, v, n, rng) - log_volume", "rbm, v, n, rng)", "test_gaussian.py::test_early_stopping_scores_in_the_units_of_the_data"),
    ("skrbm.data.scaling.Standardized.hidden_bias", "return rbm.hidden.bias - rbm.weights.input(self.location / self.scale)", "return rbm.hidden.bias", "test_gaussian.py::test_scores_are_the_log_density_of_a_mixture"),
    ("skrbm.learning.defaults", "    largest_step=5.0,\n", "", "test_hopfield.py::test_couplings_are_learned_at_any_rate"),
    ("skrbm.learning.defaults.Defaults.n_updates", "max(FEWEST_UPDATES, n_updates)", "n_updates", "test_loop.py::test_more_rows_get_more_updates_between_limits"),
    ("skrbm.learning.defaults", "return n_rows * n_visible", "return n_rows", "test_loop.py::test_more_rows_get_more_updates_between_limits"),
    ("skrbm.learning.defaults.labelled", "if generative_share > _LARGEST_SHARE:", "if False:", "test_loop.py::test_more_rows_get_more_updates_between_limits"),
    ("skrbm.estimators.rbm.settings.Settings.plan", "rbm.weights.shape[0]", "1", "test_loop.py::test_auto_is_the_default_number_of_epochs"),
    # The estimator
    ("skrbm.estimators.rbm.base.BaseRBM", 'n_iter: int | Literal["auto"] = "auto"', 'n_iter: int | Literal["auto"] = 10', "test_loop.py::test_auto_is_the_default_number_of_epochs"),
    ("skrbm.estimators.rbm.settings.Settings.split_indices", "validation, train = order[:n_validation], order[n_validation:]", "validation, train = order[:n_validation], order", "test_early_stopping.py::test_early_stopping_helps_if_training_overfits"),
    ("skrbm.estimators.rbm.base.BaseRBM._fit", "first = not self.warm_start or", "first = True or not self.warm_start or", "test_early_stopping.py::test_warm_start_continues"),
    ("skrbm.estimators.rbm.base.BaseRBM._log_likelihood", "return -self._fitted.free_energy(rows) - self.log_partition_.value", "return -self._fitted.free_energy(rows)", "test_rbm.py::test_probabilities_sum_to_one_for_the_current_parameters"),
    ("skrbm.estimators.common.fitted.Fitted.gibbs", "net.gibbs(v, rng, n_steps), v, self.seeds.sampling)", "net.gibbs(v, rng, n_steps), v, self.top.training.rng)", "test_rbm.py::test_reading_methods_do_not_change_chains_or_training"),
    ("skrbm.estimators.rbm.learner.Learner.known_log_partition", "self.log_partitions.get(self._hash())", "next(iter(self.log_partitions.values()), None)", "test_rbm.py::test_probabilities_sum_to_one_for_the_current_parameters"),
    ("skrbm.estimators.rbm.base.BaseRBM.log_partition_", "return self.log_partition() if known is None else known", "return self.log_partition()", "test_rbm.py::test_log_z_is_kept_until_the_next_fit"),
    ("skrbm.estimators.rbm.learner.Learner.log_partition", "self.log_partitions = {self._hash(): result}", "self.log_partitions = {}", "test_inference.py::test_scores_use_the_log_partition_that_was_computed_last"),
    ("skrbm.estimators.common.fitted.Fitted.top_states", 'if method == "tempering":', "if False:", "test_inference.py::test_tempered_samples_are_in_all_modes"),
    ("skrbm.estimators.rbm.learner.Learner._train", "self.fitted.rbm.map(writable)", "self.fitted.rbm", "test_rbm.py::test_training_continues_from_parameters_of_any_layout"),
    ("skrbm.learning.loop.Loop.mini_batches", "rate * share / n_updates", "rate", "test_rbm.py::test_weights_count_across_mini_batches"),
    ("skrbm.estimators.rbm.base.BaseRBM._partial_fit", "        if first:\n            self._learner = Learner.start(settings, rows)\n        self._model.go_on", "        self._learner = Learner.start(settings, rows)\n        self._model.go_on", "test_rbm.py::test_stream_of_calls_equals_one_call"),
    ("skrbm.validation.rows._within", "if found.within(domain.low, domain.high):", "if False:", "test_rbm.py::test_rows_of_weight_zero_are_ignored"),
    ("skrbm.validation.rows.check_training_rows", "used = np.flatnonzero(weights)", "used = np.arange(len(weights))", "test_rbm.py::test_rows_of_weight_zero_are_ignored"),
    ("skrbm.validation.rows._within", "return rows.clip(*limits)", "return rows", "test_validation.py::test_huge_data_count_as_the_nearest_values_inside"),
    ("skrbm.samplers.jumping_gibbs", "if step % _STEPS_BETWEEN_JUMPS:", "if True:", "test_samplers.py::test_chains_that_jump_leave_the_distribution_unchanged_and_cross"),
    ("skrbm.samplers.jumping_gibbs", "v = rbm.visible.draw(x, rng)\n    return v", "v = rbm.visible.draw(0 * x, rng)\n    return v", "test_samplers.py::test_chains_that_jump_leave_the_distribution_unchanged_and_cross"),
    ("skrbm.estimators.common.fitted.Fitted.top_states", 'if method == "auto" else None', 'if method == "gibbs" else None', "test_inference.py::test_samples_of_jumping_chains_have_the_weights_of_the_modes"),
    # Stacks
    ("skrbm.deep.belief_net.Conditional.log_probability", "return log_weight - self.layer.log_normalizer(input)", "return log_weight - self.layer.log_normalizer(0 * input)", "test_belief_net.py::test_conditional_log_probability_is_normalised_and_uses_the_input"),
    ("skrbm.deep.belief_net.Conditional.climb", "add_to_bias((1 - v @ offset) @ error)", "add_to_bias(error.sum(axis=0))", "test_belief_net.py::test_steps_follow_the_gradient_of_the_log_probability"),
    ("skrbm.deep.belief_net.Conditional.climb", "offset = shares @ x", "offset = x.mean(axis=0)", "test_belief_net.py::test_steps_follow_the_gradient_of_the_log_probability"),
    ("skrbm.deep.belief_net.BeliefNet.log_ratio_below", "total -= recognition.log_probability(upper, lower)", "pass", "test_belief_net.py::test_log_ratio_equals_enumeration_of_joint_states"),
    ("skrbm.deep.belief_net.BeliefNet.log_ratio", " - self.top.free_energy(states[-1])", "", "test_belief_net.py::test_log_ratio_equals_enumeration_of_joint_states"),
    ("skrbm._kernels.generators.RowGenerator.of_contents", "_n_before(keys) if copies_differ else 0", "0", "test_missing.py::test_draws_of_equal_rows_are_independent"),
    ("skrbm._kernels.generators._derived", "range(2)", "range(0)", "test_own_draws.py::test_draws_of_rows_are_independent"),
    ("skrbm._kernels.generators.by_part", "RowGenerator(keys[rows], seed)", "RowGenerator(keys[rows], int(rng.integers(2**63)))", "test_own_draws.py::test_results_do_not_depend_on_blocks_or_threads"),
    ("skrbm._kernels.generators.by_part", "return lambda rows: RowGenerator(keys[rows], seed)", "return lambda rows: rng", "test_own_draws.py::test_draws_of_a_row_do_not_depend_on_other_rows"),
    ("skrbm._kernels.generators.repeated", "_derived(rng.keys, i)", "rng.keys", "test_own_draws.py::test_copies_of_a_row_have_equal_or_different_draws"),
    ("skrbm.estimators.common.fitted.Fitted.lowest_means", "work, X.values, self.own_draws(X.values)", "work, X.values, random.generator(self.seeds.likelihood)", "test_estimator_checks.py::test_results_with_missing_values_do_not_depend_on_other_rows"),
    ("skrbm.conditionals._enumerated", "rng_of = by_part(rng)", "rng_of = lambda rows: rng", "test_conditionals.py::test_rows_have_separate_chains"),
    ("skrbm.deep.belief_net.BeliefNet.down", "layer.sample(s, rng)", "layer.mean(s)", "test_belief_net.py::test_samples_come_from_the_net"),
    ("skrbm.deep.belief_net.BeliefNet.gibbs", "samplers.gibbs_visible(self.top, x, rng, n_steps), rng)[0]", "x, rng)[0]", "test_belief_net.py::test_gibbs_passes_up_samples_the_top_and_passes_down"),
    ("skrbm.deep.belief_net.BeliefNet.copy", "return self.map(arrays.copy)", "return self", "test_belief_net.py::test_copies_share_no_arrays"),
    ("skrbm.learning.wake_sleep.wake_sleep_update.update", "recognition.climb(upper, lower, shares, pace.rate)", "pass", "test_belief_net.py::test_each_part_of_a_net_learns_its_own_distribution"),
    ("skrbm.learning.wake_sleep.wake_sleep_update.update", "generation.climb(lower, upper, shares, pace.rate)", "pass", "test_belief_net.py::test_each_part_of_a_net_learns_its_own_distribution"),
    ("skrbm.learning.wake_sleep.wake_sleep_update.update", "pairwise(asleep)", "pairwise(awake)", "test_belief_net.py::test_each_part_of_a_net_learns_its_own_distribution"),
    ("skrbm.learning.wake_sleep.wake_sleep_update.update", "optimizer.step(state.top, phases, pace)", "pass", "test_belief_net.py::test_each_part_of_a_net_learns_its_own_distribution"),
    ("skrbm.learning.wake_sleep.wake_sleep_update.update", "weights / weights.sum()", "1 / len(weights) + 0 * weights", "test_belief_net.py::test_wake_sleep_counts_rows_by_their_weights"),
    ("skrbm.estimators.dbn.layer_inputs.LayerInputs.of.infer", "            return to_host(net.means(place(v))[-1])", "            return to_host(net.means(place(v))[0])", "test_dbn.py::test_activations_larger_than_memory_are_computed_block_by_block"),

    ("skrbm.estimators.dbn.layer_inputs._held", "return threads.by_rows(rows.function, rows.X)", "return threads.by_rows(rows.function, rows.X)[::-1]", "test_dbn.py::test_each_layer_is_trained_on_the_one_below"),
    ("skrbm.estimators.dbn.network.DeepBeliefNetwork.partial_fit", "self._fine_tune(inputs, StackFit(rbms, stack.rng, 0, 1), power=0, hooks=())", "pass", "test_dbn.py::test_partial_fit_continues_up_down"),
    ("skrbm.estimators.dbn.stack.train_once", "rows, chosen = inputs.of(rbms[:i])", "rows, chosen = inputs.of(rbms[:i], np.arange(1))", "test_dbn.py::test_partial_fit_updates_every_layer_in_turn"),
    ("skrbm.estimators.common.fitted.Fitted.lower_bound", "0.0 if self.lowest is None else self._log_volume_of_columns", "0.0", "test_dbn.py::test_gaussian_layer_scores_in_the_units_of_the_data"),
    ("skrbm.estimators.common.fitted.Fitted.lower_bound", "0.0 if self.lowest is None else self._log_volume_of_columns", "self._log_volume_of_columns", "test_dbn.py::test_one_layer_scores_like_its_rbm"),
    ("skrbm.estimators.dbn.network.DeepBeliefNetwork.inverse_transform", "h[:, -fitted.rbm.hidden.n_columns :]", "h[:, : fitted.rbm.hidden.n_columns]", "test_dbn.py::test_all_layers_are_the_means_one_after_the_other"),
    ("skrbm.estimators.common.fitted.Fitted.lower_bound.log_ratios", "arrays.to_dense(v)", "v", "test_dbn.py::test_sparse_rows_are_the_same_rows"),


    ("skrbm.learning.ridge.ridge", "-n * np.log(left) - volume[:, None]", "-n * np.log(left)", "test_ridge.py::test_penalty_maximises_the_evidence"),
    ("skrbm.learning.ridge.ridge", "penalties = _PENALTIES[:, None] / n", "penalties = _PENALTIES[:, None] / len(X)", "test_ridge.py::test_a_weight_is_a_number_of_rows"),
    ("skrbm.learning.ridge.ridge", "-n * np.log(left)", "-len(X) * np.log(left)", "test_ridge.py::test_a_weight_is_a_number_of_rows"),
    ("skrbm.data.targets.TargetScale.standardized", "np.where(largest > 0, largest, 1)", "np.ones_like(largest)", "test_ridge.py::test_targets_have_mean_zero_and_variance_one"),
    ("skrbm.data.targets.TargetScale.standardized", "scale = np.sqrt(shares @ z**2)", "scale = z.std(axis=0)", "test_ridge.py::test_targets_have_mean_zero_and_variance_one"),
    ("skrbm.estimators.dbn.regressor.DBNRegressor._scaled", "return z, scale", "return y, TargetScale(np.zeros(()), np.ones(()))", "test_fine_tuned.py::test_predictions_follow_the_units_of_the_targets"),
    ("skrbm.estimators.dbn.mlp.take_output", "    mlp.coefs_[-1][...] = coefficients\n", "", "test_fine_tuned.py::test_regression_starts_from_the_best_output_layer"),
    ("skrbm.learning.defaults._binary_scale", "return max(min(enough, most), ", "return max(0.0, ", "test_rbm.py::test_hidden_units_of_small_tables_vary_from_the_start"),
    ("skrbm.learning.defaults._binary_scale", "return max(min(enough, most), ", "return max(min(enough, most), 0 * ", "test_rbm.py::test_hidden_units_of_small_tables_vary_from_the_start"),
    ("skrbm.learning.defaults._binary_scale", "min(enough, most)", "enough", "test_rbm.py::test_hidden_units_of_small_tables_vary_from_the_start"),
    ("skrbm.learning.defaults.above_others", ", weight_scale=weight_scale", "", "test_dbn.py::test_upper_layers_start_as_if_their_inputs_varied"),
    ("skrbm.learning.defaults.above_others", "updates=updates, ", "", "test_dbn.py::test_upper_layers_make_as_many_updates_as_the_lowest"),
    ("skrbm.data.correlations._standardized", "variance[varies] / seen[varies]", "variance[varies]", "test_summary.py::test_missing_values_do_not_hide_correlations"),
    ("skrbm.estimators.dbn.mlp.Tuning.predict", "z + self._linear_term(v, z)", "z", "test_fine_tuned.py::test_regression_extends_a_linear_function"),
    ("skrbm.estimators.dbn.mlp.Tuning.run", "y - self._linear_term(v, y)", "y", "test_fine_tuned.py::test_regression_extends_a_linear_function"),
    ("skrbm.estimators.dbn.regressor._solve", "v.shape[1] <= _MOST_LINEAR", "True", "test_fine_tuned.py::test_many_columns_have_no_linear_term"),
    ("skrbm.estimators.dbn.fine_tuning.FineTuned._fine_tune", "if self.mlp is None:\n            self._solve_output(", "if False:\n            self._solve_output(", "test_fine_tuned.py::test_regression_ends_with_the_best_output_layer"),
    ("skrbm.estimators.dbn.regressor.DBNRegressor._choose_length", "tuning.n_stop = min(errors, key=lambda n_done: errors[n_done])", "pass", "test_fine_tuned.py::test_held_out_rows_choose_the_number_of_epochs"),
    ("skrbm.estimators.dbn.regressor.DBNRegressor._choose_length", "min(errors, key", "max(errors, key", "test_fine_tuned.py::test_held_out_rows_choose_the_number_of_epochs"),
    ("skrbm.estimators.dbn.stack.choose_lowest", "rbms[0] = _for_real_values(rbms[0])", "pass", "test_dbn.py::test_real_values_get_gaussian_units_and_the_parameters_of_the_prototype"),
    ("skrbm.estimators.dbn.stack._for_real_values", "return GaussianBernoulliRBM(**shared, ", "return GaussianBernoulliRBM(rbm.n_components, ", "test_dbn.py::test_real_values_get_gaussian_units_and_the_parameters_of_the_prototype"),
    ("skrbm.estimators.dbn.stack.training_domain", "isinstance(visible_rbm, str) and all(", "isinstance(visible_rbm, str) or all(", "test_dbn.py::test_sparse_rows_and_real_features_keep_binary_visible_units"),
    ("skrbm.estimators.dbn.network.DeepBeliefNetwork._check_rows", "self.visible_rbm if first else None", "self.visible_rbm", "test_dbn.py::test_first_rows_choose_the_lowest_layer"),
    ("skrbm.data.summary.Bounds.outside", "if is_float else 0", "if False else 0", "test_dbn.py::test_rounding_errors_lie_within_the_unit_interval"),
    ("skrbm.validation.rows._within", "if found.within(domain.low, domain.high):", "if len(found.outside(domain.low, domain.high)) == 0:", "test_dbn.py::test_rounding_errors_lie_within_the_unit_interval"),
    ("skrbm.validation.rows.check_training_rows", "if not sparse.issparse(rows) and", "if", "test_dbn.py::test_sparse_rows_and_real_features_keep_binary_visible_units"),
    ("skrbm.distributed.fit.Fit._load_lowest", "if chosen is domain else", "if True else", "test_distributed.py::test_a_stack_of_real_values_uses_all_partitions"),
    ("skrbm.validation.estimators.check_nested", "if nested and name in own and", "if False and", "test_dbn.py::test_a_name_has_no_parameters"),
    ("skrbm.estimators.rbm.imputer.RBMImputer._written_prototypes", ", alpha=_ALPHA", "", "test_validation.py::test_the_advised_prototype_is_the_default"),
    ("skrbm.estimators.dbn.mlp.Validation.restore", "array[...] = best", "pass", "test_tuned.py::test_early_stopping_holds_out_rows_and_keeps_the_best_epoch"),
    ("skrbm.estimators.dbn.mlp.Validation.see", "score < highest + self.tol", "score <= highest - 1", "test_tuned.py::test_early_stopping_holds_out_rows_and_keeps_the_best_epoch"),
    ("skrbm.estimators.dbn.fine_tuning.FineTuned._split", "targeted.part(train), targeted", "targeted, targeted", "test_tuned.py::test_early_stopping_holds_out_rows_and_keeps_the_best_epoch"),
    ("skrbm.estimators.dbn.classifier.DBNClassifier._order", ".stratified(order, n_first)", ".labels * 0 + order", "test_tuned.py::test_early_stopping_holds_out_rows_and_keeps_the_best_epoch"),
    ("skrbm.estimators.dbn.mlp.Tuning.run", "validation is not None and validation.is_over", "False", "test_tuned.py::test_early_stopping_holds_out_rows_and_keeps_the_best_epoch"),
    ("skrbm.estimators.dbn.mlp.Tuning.go_on", 'vars(mlp).pop("_optimizer", None)', "pass", "test_tuned.py::test_a_call_after_fit_continues_at_the_initial_step_size"),
    ("skrbm.estimators.dbn.mlp.Tuning.go_on", "self.is_streamed = True", "pass", "test_tuned.py::test_two_calls_of_one_mini_batch_are_one_call_of_two"),
    ("skrbm.estimators.dbn.mlp.Tuning.go_on", "y - self._linear_term(v, y)", "y", "test_tuned.py::test_a_call_after_fit_continues_at_the_initial_step_size"),
    ("skrbm.estimators.dbn.regressor.DBNRegressor._streamed", "if self._tuned is None:", "if True:", "test_tuned.py::test_a_stream_of_targets_keeps_the_scale_of_the_first_rows"),
    ("skrbm.estimators.dbn.classifier.DBNClassifier._exact_probabilities", ".astype(np.float64)", "", "test_tuned.py::test_decisions_differ_for_rows_whose_probabilities_are_one"),
    ("skrbm.estimators.dbn.fine_tuning.FineTuned._new_stack", ", verbose=dbn.verbose or self.verbose", "", "test_tuned.py::test_a_verbose_fit_reports_layers_and_fine_tuning"),
    ("skrbm.estimators.dbn.mlp.take_weights", "mlp.coefs_[i][...] = weights", "pass", "test_fine_tuned.py::test_the_perceptron_starts_as_the_recognition"),
    ("skrbm.estimators.dbn.fine_tuning.FineTuned._inputs", "v = lowest.scaling.to_columns(rows.values[:])", "v = rows.values[:]", "test_fine_tuned.py::test_standardized_data_reach_the_perceptron"),
    ("skrbm.validation.labels.check_some_labels", "if not _is_missing(unlabeled)", "if False", "test_fine_tuned.py::test_rows_without_a_label_train_only_the_stack"),
    ("skrbm.estimators.dbn.fine_tuning.FineTuned._finish", "own.finish(X, rows, lambda", "own.finish(X, targeted.rows, lambda", "test_fine_tuned.py::test_rows_without_a_label_train_only_the_stack"),
    ("skrbm.validation.labels.check_some_labels", "if not _is_missing(unlabeled)", "if len(given) < 10 and (unlabeled := -1)", "test_fine_tuned.py::test_minus_one_is_a_class_unless_it_is_unlabeled"),
    ("skrbm.estimators.dbn.mlp.Tuning.run", "self.rate * (1 - sweep / self.n_sweeps)", "self.rate", "test_fine_tuned.py::test_steps_fall_to_zero"),
    ("skrbm.estimators.dbn.mlp._fit_checked", "< _FEW_PRODUCTS", "> 0", "test_fine_tuned.py::test_small_perceptrons_use_one_thread_and_restore_settings"),
    ("skrbm.estimators.dbn.fine_tuning.FineTuned._finish", "        check_columns(self, X, reset=True)\n", "", "test_fine_tuned.py::test_frames_and_sparse_rows"),
    ("skrbm.deep.belief_net.Conditional.climb", "rate = min(rate, 1 / (self.layer.curvature * max(1.0, norm)))", "pass", "test_belief_net.py::test_no_step_decreases_the_log_probability"),
    ("skrbm.units.bernoulli.Bernoulli", "curvature: ClassVar[float] = 0.25", "curvature: ClassVar[float] = 0.01", "test_belief_net.py::test_no_step_decreases_the_log_probability"),
    ("skrbm.learning.early_stopping.EarlyStopping._of_rows", "rng = random.generator(self.seed)", 'rng = self.__dict__.setdefault("rng", random.generator(self.seed))', "test_dbn.py::test_early_stopping_scores_the_same_rows_in_every_epoch"),
    ("skrbm.estimators.dbn.network.DeepBeliefNetwork._prototypes", "np.asarray(self.hidden_layer_sizes, object).size", "2", "test_dbn.py::test_prototypes_apply_to_their_layers"),
    ("skrbm.estimators.dbn.stack.check_layers", "one.check_sizes(summary.n_rows, below[i], split=split)", "one.check_sizes(n_rows, below[i], split=True)", "test_dbn.py::test_prototypes_apply_to_their_layers"),
    ("skrbm.estimators.dbn.fine_tuning.FineTuned._begin", "sizes = [len(bias) for bias, _ in own.upward_layers()]", "pass", "test_fine_tuned.py::test_a_frozen_stack_is_copied_and_keeps_its_columns"),
    ("skrbm.estimators.dbn.fine_tuning.FineTuned._new_stack", "dbn = deepcopy(given)", "dbn = given", "test_fine_tuned.py::test_a_frozen_stack_is_copied_and_keeps_its_columns"),
    ("skrbm.validation.labels._column", "np.fromiter(value.to_list(), object, len(value))", "value", "test_fine_tuned.py::test_missing_labels_are_unlabelled_in_every_type"),
    ("skrbm.estimators.dbn.regressor.DBNRegressor._check_targets", "~np.isnan(y).reshape(len(y), -1).any(axis=1)", "~np.isnan(y).reshape(len(y), -1).all(axis=1)", "test_fine_tuned.py::test_rows_without_a_target_train_only_the_stack"),
    ("skrbm.estimators.dbn.mlp.fit", "raise KeyboardInterrupt from None", "pass", "test_fine_tuned.py::test_an_interrupt_stops_fine_tuning"),
    ("skrbm.deep.belief_net.Conditional.climb", "rate = min(rate, 1 / (self.layer.curvature * max(1.0, norm)))", "pass", "test_dbn.py::test_up_down_is_stable_if_all_columns_depend_on_one"),
    ("skrbm.learning.wake_sleep.wake_sleep_update.update", "shares = devices.like(weights / weights.sum(), net.reference)", "shares = devices.like(weights, net.reference)\n        shares /= shares.sum()", "test_dbn.py::test_up_down_handles_mini_batches_of_negligible_weight"),
    ("skrbm._kernels.random.row_keys", "np.fmod(of_row, 2.0**32)", "of_row", "test_dbn.py::test_rows_far_from_all_others_have_a_score"),
    ("skrbm.estimators.dbn.stack.Stack.keep", "        self.untied = net.recognition, net.generation\n", "", "test_dbn.py::test_an_interrupted_up_down_keeps_its_progress"),
    ("skrbm.estimators.dbn.stack.Stack.start_wake_sleep", "training = learner_of(self.rbms[-1]).training", "training = learner_of(self.rbms[0]).training", "test_dbn.py::test_up_down_raises_the_bound_on_held_out_digits"),
    ("skrbm.estimators.dbn.stack.new_layers", "rbm.set_params(n_components=size, verbose=rbm.verbose or verbose, **place)", "rbm.set_params(n_components=size)", "test_dbn.py::test_progress_names_the_layer"),
    ("skrbm.estimators.dbn.network.DeepBeliefNetwork._prototypes", "prototypes[-1] = self.top_rbm", "pass", "test_dbn.py::test_the_top_layer_may_have_gaussian_hidden_units"),
    ("skrbm.estimators.dbn.layer_inputs.LayerInputs.of", "summary = summarize(inferred, rows.weights, dtype, with_moments=False)", "summary = summarize(inferred, 0 * rows.weights + 1, dtype, with_moments=False)", "test_dbn.py::test_a_row_of_weight_two_is_the_row_given_twice"),
    ("skrbm.estimators.common.fitted.Fitted.lower_bound", "self.own_draws(X.values, seed)", "random.generator(seed)", "test_dbn.py::test_scores_do_not_change_from_call_to_call_or_with_other_rows"),
    ("skrbm.estimators.common.fitted.Fitted.sample", "net.down(place(x), rng)[0]", "net.down(1 - place(x), rng)[0]", "test_dbn.py::test_samples_look_like_the_data"),
    ("skrbm.estimators.dbn.mlp.Tuning.run", "mlp.n_iter_ = self.n_done", "pass", "test_fine_tuned.py::test_steps_fall_to_zero"),
    ("skrbm.estimators.dbn.mlp.make_layers", "    mlp.set_params(**own)\n", "", "test_fine_tuned.py::test_a_batch_solver_starts_from_the_stack"),
    ("skrbm.learning.early_stopping.EarlyStopping._of_rows", "min(X.shape[0], n_rows)", "X.shape[0]", "test_early_stopping.py::test_the_score_is_the_pseudo_log_likelihood_of_held_out_rows"),
    # Displays and descriptions
    ("skrbm.explain.units.describe", "importance = ratio + [_added", "importance = 0 * ratio + [_added", "test_explain.py::test_importance_is_the_loss_of_log_likelihood_without_the_unit"),
    ("skrbm.explain.units._exact_log_ratios", "log_weight[~is_on[:, j]]", "log_weight[is_on[:, j]]", "test_explain.py::test_importance_is_the_loss_of_log_likelihood_without_the_unit"),
    ("skrbm.explain.units._exact_log_ratios", "log_weight - _added(rbm, x, j)", "log_weight + _added(rbm, x, j)", "test_explain.py::test_importance_is_the_loss_of_log_likelihood_without_the_unit"),
    ("skrbm.explain.units._exact_log_ratios", "log_weight[~is_on[:, j]]", "log_weight[~is_on[:, 0]]", "test_explain.py::test_log_z_falls_by_the_log_probability_that_the_unit_is_off"),
    ("skrbm.explain.units._added", "rbm.hidden.part(unit).log_normalizer(x[:, rbm.hidden.columns_of(unit)])", "arrays.sum_softplus(x[:, unit] + rbm.hidden.bias[unit])", "test_explain.py::test_importance_of_gaussian_hidden_units"),
    ("skrbm.explain.units.describe", "fitted.by_rows(fitted.placed_net.top.hidden_input, rows)", "rbm.hidden_input(rows)", "test_explain.py::test_importance_under_gaussian_visible_units"),
    ("skrbm.explain.units.describe", 'fitted.top_states(n_samples, _N_STEPS, "auto", rng)', 'fitted.top_states(n_samples, 0, "auto", rng)', "test_explain.py::test_importance_from_samples_is_exact_within_its_error"),
    ("skrbm.explain.units.describe", "    ratio, std_error, sample = np.array(without).T\n", "    ratio, std_error, sample = np.array(without).T\n    std_error = std_error * n_samples**0.5\n", "test_explain.py::test_importance_from_samples_is_exact_within_its_error"),
    ("skrbm.explain.units.describe", "rng = random.generator(seed)", "rng = fitted.seeds.sampling", "test_explain.py::test_importance_is_reproducible_and_does_not_change_the_estimator"),
    ("skrbm.explain.units._log_ratios", "min(ratio.effective_sample_size, n_silent)", "ratio.effective_sample_size", "test_explain.py::test_warns_when_samples_cannot_estimate_an_importance"),
    ("skrbm.explain.units.describe", "order=np.argsort(-importance", "order=np.argsort(importance", "test_explain.py::test_order_has_the_most_important_unit_first"),
    ("skrbm.explain.units.describe", 'np.argsort(-drive, axis=0, kind="stable")[:n_rows].T', 'np.argsort(drive, axis=0, kind="stable")[::-1][:n_rows].T', "test_explain.py::test_most_activating_rows_have_the_largest_means"),
    ("skrbm.explain.units.describe", "np.argsort(-drive, axis=0", "np.argsort(-activation, axis=0", "test_explain.py::test_rows_are_ordered_even_if_means_are_rounded_to_one"),
    ("skrbm.explain.units", "_DEAD = 0.01", "_DEAD = 0.03", "test_explain.py::test_saturated_and_dead_units"),
    ("skrbm.explain.units.describe", "dead=activation.std(axis=0, dtype=np.float64) < _DEAD", "dead=rbm.hidden.saturated(mean)", "test_explain.py::test_saturated_and_dead_units"),
    ("skrbm.explain.units.describe", "    check_fitted(estimator, DensityRBM, RBMS)\n", "", "test_explain.py::test_refuses_estimators_and_arguments_that_cannot_be_described"),
    ("skrbm.explain.units.describe", ", maximum=rows.shape[0]", "", "test_explain.py::test_refuses_estimators_and_arguments_that_cannot_be_described"),
    ("skrbm.validation.estimators.check_fitted", "    check_is_fitted(estimator)\n", "", "test_explain.py::test_models_that_are_not_fitted_are_refused"),
    ("skrbm.explain.units.filters", "conditional.weights for conditional in net.generation", "conditional.weights.T for conditional in net.recognition", "test_explain.py::test_filters_of_a_stack_are_linear_projections_through_its_layers"),
    ("skrbm.explain.units.filters", "fitted.scaling.patterns(RBM(net.visible, net.top.hidden, weights))", "weights.T", "test_explain.py::test_filters_of_a_stack_are_linear_projections_through_its_layers"),
    ("skrbm.explain.units.filters", "net.top.weights.T]", "net.top.weights]", "test_explain.py::test_filters_of_one_layer_are_its_components"),
    ("skrbm.explain.units.filters", "minimum=0, maximum=len(_layers(estimator)) - 1", "minimum=-9, maximum=len(_layers(estimator)) - 1", "test_explain.py::test_missing_layers_are_refused"),
    ("skrbm.explain.units.strength", "** 2 / variance", "** 2", "test_explain.py::test_strength_is_a_divergence_of_gaussian_units"),
    ("skrbm.explain.units.strength", "np.sqrt((patterns", "0.3 * np.sqrt((patterns", "test_explain.py::test_strength_bounds_the_divergence_of_binary_units"),
    ("skrbm.plotting.canvas.draw_mosaic", "cells.transpose(0, 2, 1, 3)", "cells.transpose(0, 3, 1, 2)", "test_plotting.py::test_filters_are_drawn_as_they_are_stored"),
    ("skrbm.plotting.filters.FiltersDisplay.plot", '"RdBu_r", -limit, limit', '"RdBu_r", images.min(), images.max()', "test_plotting.py::test_filters_are_drawn_as_they_are_stored"),
    ("skrbm.plotting.canvas.draw_mosaic", "constant_values=np.nan", "constant_values=0", "test_plotting.py::test_filters_are_drawn_as_they_are_stored"),
    ("skrbm.plotting.filters.FiltersDisplay.from_estimator", "filters(estimator, layer)", "filters(estimator, 0)", "test_plotting.py::test_filters_of_a_higher_layer"),
    ("skrbm.plotting.filters.FiltersDisplay.from_estimator", 'np.argsort(-strength(estimator, layer), kind="stable")', 'np.argsort(strength(estimator, layer), kind="stable")', "test_plotting.py::test_filters_have_the_requested_order"),
    ("skrbm.plotting.filters.FiltersDisplay.from_estimator", "describe(estimator, X, n_rows=1).order", "np.argsort(-strength(estimator, layer))", "test_plotting.py::test_filters_have_the_requested_order"),
    ("skrbm.plotting.filters.FiltersDisplay.plot", " or 1.0\n", "\n", "test_plotting.py::test_filters_may_be_oblong_and_zero"),
    ("skrbm.validation.parameters.check_image_shape", " and math.prod(numbers) == n_features", "", "test_plotting.py::test_columns_that_make_no_image_are_refused"),
    ("skrbm.plotting.training.TrainingDisplay.plot", "plot(sweeps, history[figure]", 'plot(sweeps, history["learning_rate"]', "test_plotting.py::test_training_is_drawn_as_it_was_recorded"),
    ("skrbm.plotting.training.TrainingDisplay.plot", 'history["validation_score"], linestyle', 'history["free_energy_gap"], linestyle', "test_plotting.py::test_training_is_drawn_as_it_was_recorded"),
    ("skrbm.plotting.training.TrainingDisplay.from_estimator", '        names += ["up-down"]', '        histories = histories[: len(trained)]\n            names += ["up-down"]', "test_plotting.py::test_training_of_a_stack_has_one_line_per_layer"),
    ("skrbm.plotting.training._figure_of", 'next(name for name in history if name.endswith("log_likelihood"))', '"pseudo_log_likelihood"', "test_plotting.py::test_training_of_a_classifier_is_the_likelihood_of_its_labels"),
    ("skrbm.plotting.training.TrainingDisplay.plot", '_figure_of(history)', 'self.figure', "test_plotting.py::test_training_of_a_stack_has_the_figure_of_each_layer"),
    ("skrbm.plotting.canvas.axes_for", "if len(axes) != n:", "if len(axes) > n:", "test_plotting.py::test_one_axes_is_not_enough_for_two"),
    ("skrbm.plotting.samples._run_chains", "rng, step - before)", "rng, step)", "test_plotting.py::test_chains_from_rows_equal_gibbs"),
    ("skrbm.plotting.samples._run_chains", "net.up(scaling.to_model(rows),", "net.up(rows,", "test_plotting.py::test_chains_from_rows_equal_gibbs"),
    ("skrbm.plotting.samples._run_chains", "rows if rows is not None and step == 0 else scaling", "scaling", "test_plotting.py::test_chains_from_rows_equal_gibbs"),
    ("skrbm.plotting.samples._run_chains", 'x = fitted.top_states(n_chains, 0, "gibbs", rng)', "x = samplers.sample_independent(fitted.top.base, n_chains, rng)", "test_plotting.py::test_chains_without_rows_equal_sample"),
    ("skrbm.plotting.samples.SamplesDisplay.from_estimator", "fitted.seeds.generator(random_state)", "fitted.seeds.sampling", "test_plotting.py::test_a_seed_fixes_the_chains_and_does_not_change_the_estimator"),
    ("skrbm.plotting.samples.SamplesDisplay.plot", "xticks=np.arange(len(self.n_steps)) * (width + 1)", "xticks=np.arange(len(self.n_steps)) * width", "test_plotting.py::test_chains_are_rows_and_steps_are_columns"),
    ("skrbm.plotting.samples.SamplesDisplay.from_estimator", "if not domain.is_bounded:", "if True:", "test_plotting.py::test_chains_are_rows_and_steps_are_columns"),
    ("skrbm.validation.parameters.check_steps", " and steps == sorted(steps)", "", "test_plotting.py::test_invalid_numbers_of_steps_are_refused"),
    ("skrbm.plotting.likelihood.LikelihoodDisplay.plot", "bins = np.histogram_bin_edges(np.concatenate([self.train, self.test]), _N_BINS)", "bins = _N_BINS", "test_plotting.py::test_likelihoods_are_drawn_as_they_are_scored"),
    ("skrbm.plotting.likelihood.LikelihoodDisplay.from_estimator", "estimator.score_samples(X_test)", "estimator.score_samples(X_train)", "test_plotting.py::test_likelihoods_are_drawn_as_they_are_scored"),
    ("skrbm.plotting.likelihood.LikelihoodDisplay.from_estimator", "log_z.upper - log_z.value, log_z.value - log_z.lower", "log_z.value - log_z.lower, log_z.upper - log_z.value", "test_plotting.py::test_the_band_spans_the_means_between_the_bounds_of_log_z"),
    ("skrbm.plotting.likelihood.LikelihoodDisplay.plot", "max(mean - below, bins[0])", "mean - below", "test_plotting.py::test_a_missing_bound_leaves_the_band_open"),
    ("skrbm.explain.units", "GENERATIVE = DensityRBM, DeepBeliefNetwork", "GENERATIVE = (DensityRBM,)", "test_plotting.py::test_a_stack_has_the_margins_of_its_top"),
    ("skrbm.plotting.tables._similarity", "(1 / n + 1 / m)", "(1 / n)", "test_plotting.py::test_similarity_of_one_distribution_matches_its_expectation"),
    ("skrbm.plotting.tables._of_pair", "x[:, i] * size + x[:, j] for", "x[:, i] for", "test_plotting.py::test_similarities_are_of_cells_and_of_pairs_of_cells"),
    ("skrbm.plotting.tables.TableDisplay.from_frames", "learn_missing=absent", "learn_missing=()", "test_plotting.py::test_missing_cells_are_a_value_if_they_are_generated"),
    ("skrbm.plotting.tables.TableDisplay.from_frames", "np.argsort(alike", "np.argsort(-np.array(alike)", "test_plotting.py::test_the_columns_that_differ_most_are_shown"),
    ("skrbm.plotting.tables._draw_histogram", "ax.stairs(shares[1]", "ax.stairs(shares[0]", "test_plotting.py::test_columns_are_drawn_as_they_are_stored"),
    ("skrbm.plotting.tables.TableDisplay.from_estimator", "random_state=random_state)", "random_state=None)", "test_plotting.py::test_generated_rows_equal_sample"),
    ("skrbm.plotting.tables._new_axes", "figure = pyplot().figure(", "pyplot().figure()\n    figure = pyplot().figure(", "test_plotting.py::test_tables_use_given_axes"),
    ("skrbm.plotting.tables._frames", "if n_columns != len(first.names):", "if False:", "test_plotting.py::test_tables_that_cannot_be_compared_are_refused"),
    ("skrbm.plotting.canvas.axes_for", "    if ax is None:\n", "    pyplot().figure()\n    if ax is None:\n", "test_plotting.py::test_figures_are_made_only_if_no_axes_are_given"),
    ("skrbm.validation.estimators.check_fitted", "    check_is_fitted(estimator)\n", "", "test_plotting.py::test_estimators_that_cannot_be_shown_are_refused"),
    ("skrbm.explain.units", "GENERATIVE = DensityRBM, DeepBeliefNetwork", "GENERATIVE = SHOWN", "test_plotting.py::test_estimators_without_likelihoods_are_refused"),
    ("skrbm.plotting.filters.FiltersDisplay.from_estimator", '        check_choice("order", order, ("importance", "index"))\n', "", "test_plotting.py::test_wrong_arguments_are_refused"),
    ("skrbm.plotting.filters.FiltersDisplay.from_estimator", "        pyplot()\n        check_choice", "        check_choice", "test_plotting.py::test_without_matplotlib_one_sentence_names_the_package"),
    ("skrbm.plotting.canvas", "import numpy as np\n", "import matplotlib.pyplot as plt\nimport numpy as np\n", "test_plotting.py::test_matplotlib_is_not_imported_before_it_is_used"),
    # Labels
    ("skrbm.units.categorical.Categorical.mean", "arrays.softmax(self._logits(input))", "arrays.logistic(self._logits(input), 0 * self._logits(input))", "test_units.py::test_mean_is_the_derivative_of_the_log_normalizer"),
    ("skrbm.units.segmented.Segmented.log_normalizer", "arrays.row_log_sum_exp(self._logits(input)).sum(-1)", "arrays.sum_softplus(input + self.bias)", "test_units.py::test_log_normalizer_is_the_sum_over_states"),
    ("skrbm.units.categorical.Categorical.log_probability", "state @ arrays.log(mean).T", "state @ mean.T", "test_units.py::test_log_probabilities_sum_to_one_and_broadening_keeps_means"),
    ("skrbm.labels.logits_of_input", "return log_normalizer + devices.with_device_of(label_layer(rbm.visible).bias, log_normalizer)", "return log_normalizer", "test_labels.py::test_label_probabilities_equal_enumeration"),
    ("skrbm.learning.label_gradient.LabelGradient.phases", " - mass.T @ free.hidden", "", "test_labels.py::test_gradient_is_the_derivative_of_the_objective"),
    ("skrbm.learning.label_gradient.LabelGradient.phases", "_covariance_rows(rbm, covariance)", "_covariance_rows(rbm, 0 * covariance)", "test_labels.py::test_gradient_is_the_derivative_of_the_objective"),
    ("skrbm.learning.label_gradient.LabelGradient.phases", "self.share * model.weights", "model.weights", "test_labels.py::test_gradient_is_the_derivative_of_the_objective"),
    ("skrbm.learning.label_gradient.LabelGradient.phases", "free_shares = (self.share - 1) * shares", "free_shares = -shares", "test_labels.py::test_gradient_is_the_derivative_of_the_objective"),
    ("skrbm._kernels.random.one_hot_choices", "uniform((*probability.shape[:-1], 1), rng, probability))", "uniform((1,), rng, probability))", "test_labels.py::test_chains_visit_states_as_often_as_they_are_probable"),
    ("skrbm.estimators.rbm.labelled.LabelledRBM._check_training_rows", "classes = np.unique(labels) if first", "classes = np.unique(given) if first", "test_labels.py::test_rows_of_no_weight_have_no_label"),
    ("skrbm.estimators.rbm.labelled.LabelledRBM._settings", 'draws=self.inputs == "sample"', "draws=False", "test_labels.py::test_inputs_are_drawn_or_used_unchanged"),
    ("skrbm.labels.hidden_means", "posterior = arrays.softmax(logits_of_input(rbm, hidden_input))", "posterior = arrays.softmax(0 * logits_of_input(rbm, hidden_input))", "test_labelled_features.py::test_hidden_means_equal_enumeration"),
    ("skrbm.labels.free_energy", "return energy - arrays", "return -arrays", "test_labelled_features.py::test_log_likelihoods_equal_enumeration"),
    ("skrbm.estimators.rbm.labelled.LabelledRBM.share_learned", "if self._learner is None", "if True", "test_labelled_features.py::test_a_discriminative_model_has_no_likelihood"),
    ("skrbm.validation.labels.with_class_weight", '"sample_weight": weights[used]}', '"sample_weight": None}', "test_labelled_features.py::test_balanced_classes_have_the_same_total_weight"),
    ("skrbm.estimators.rbm.labelled.LabelledRBM._gradient", "share=float(self.generative_share)", "share=0.0", "test_labels.py::test_a_generative_share_makes_chains_resemble_the_data"),
    ("skrbm.estimators.dbn.fine_tuning.FineTuned._inputs.inputs", 'states_of(net, states, rng) if self.inputs == "sample" else states', "states", "test_fine_tuned.py::test_inputs_are_drawn_or_used_unchanged"),
    # Missing values and conditions
    ("skrbm.units.layer.Layer.log_normalizer_given", " + devices.like(free, of_free) @ of_free.T", "", "test_conditionals.py::test_marginals_are_sums_over_free_units"),
    ("skrbm.units.layer.Layer.log_normalizer_given", " - energy[:, None]", "", "test_conditionals.py::test_marginals_are_sums_over_free_units"),
    ("skrbm.conditionals._annealed", "v, betas, rng, lambda layer, v: layer.completion(known)(v))", "v, betas, rng)", "test_conditionals.py::test_marginals_are_sums_over_free_units"),
    ("skrbm.conditionals.means", "devices.like(some.completed(found.visible), rbm.reference)", "devices.like(found.visible, rbm.reference)", "test_conditionals.py::test_means_equal_conditional_means"),
    ("skrbm.conditionals._averages", "        v = chains.completed(rbm.visible.sample(visible_mean, rng))", "        v = rbm.visible.sample(visible_mean, rng)", "test_conditionals.py::test_means_equal_conditional_means"),
    ("skrbm.conditionals.gibbs", "        v = given.completed(samplers.gibbs_visible(given.rbm, v, rng))", "        v = samplers.gibbs_visible(given.rbm, v, rng)", "test_conditionals.py::test_draws_have_the_means_and_keep_given_units"),
    ("skrbm.conditionals._over_free", "visible = given.values[:, None] + states @ unit_vectors[columns]", "visible = given.values[:, None] + 0 * (states @ unit_vectors[columns])", "test_missing.py::test_binary_scores_of_wide_models_are_sums"),
    ("skrbm._kernels.arrays.fixed_point", "for _ in range(max_iter):", "for _ in range(0):", "test_conditionals.py::test_a_mode_of_gaussian_units_is_stationary"),
    # Correlated real units
    ("skrbm.conditionals._Mixture.sample", "layer.map(lambda x: devices.with_device_of(x, mean))", "layer", "test_torch.py::test_real_units_given_others_equal_numpy"),
    ("skrbm.units.rotated.Rotated.log_normalizer", " - self.rotation.log_volume", "", "test_rotated.py::test_log_normalizer_is_the_integral_over_states"),
    ("skrbm.units.rotated.Rotated._inner_input", "self.rotation.inverse.T", "self.rotation.inverse", "test_rotated.py::test_mean_and_covariance_are_derivatives_of_the_log_normalizer"),
    ("skrbm.units.rotated.Rotated.add_to_bias", "self._inner_input(growth)", "growth", "test_rotated.py::test_mean_and_covariance_are_derivatives_of_the_log_normalizer"),
    ("skrbm.units.rotated.Rotated.sample", "noise @ devices.like(self.rotation.inverse, mean)", "noise", "test_rotated.py::test_draws_have_the_mean_and_the_covariance"),
    ("skrbm.units.rotated.Rotated.log_probability", "log_density + self.rotation.log_volume", "log_density", "test_rotated.py::test_densities_are_normal"),
    ("skrbm.units.rotated.Rotated.with_parameters", "self.rotation if same else Rotation(matrix)", "self.rotation", "test_rotated.py::test_a_rotation_moves_with_its_layer"),
    ("skrbm.units.rotated.Rotated.interpolate", "self.inner.interpolate(base.inner, beta)", "base.inner.interpolate(self.inner, beta)", "test_rotated.py::test_interpolation_is_linear_in_the_energy"),
    ("skrbm.model.RBM.rotated", "rotation.matrix @ self", "rotation.inverse @ self", "test_rotated.py::test_a_rotated_model_has_the_density_of_the_image"),
    ("skrbm.units.rotated._completed", "group.subtract_products(states, slope, inverses)", "pass", "test_rotated.py::test_draws_have_conditional_moments_and_keep_given_units"),
    ("skrbm.units.rotated._completed", "group.subtract_products(states, slope, inverses)", "pass", "test_rotated.py::test_means_are_conditional"),
    ("skrbm.units.rotated._completed", "group.subtract_products(states, slope, inverses)", "pass", "test_rotated.py::test_a_mode_is_stationary_and_no_step_decreases_the_density"),
    ("skrbm.units.rotated._completed", "group.subtract_products(states, slope, inverses)", "pass", "test_rotated.py::test_weighted_draws_sum_over_free_units"),
    ("skrbm.units.rotated.Rotated.log_normalizer_given", "arrays.row_dot(part @ inverses[i], part) + log_volume", "log_volume", "test_rotated.py::test_marginals_equal_a_mixture_of_normal_densities"),
    ("skrbm.units.rotated.Rotated.log_normalizer_given", " - log_det[i]", "", "test_rotated.py::test_marginals_equal_a_mixture_of_normal_densities"),
    ("skrbm.conditionals._annealed", "layer.completion(known)(v))", "chains.completed(v))", "test_rotated.py::test_marginals_equal_a_mixture_of_normal_densities"),
    ("skrbm.units.rotated.Rotated.conditionals", " - devices.float64(v - self.mean(0.0)) @ precision", "", "test_rotated.py::test_pseudo_log_likelihood_is_the_sum_of_exact_conditionals"),
    ("skrbm.units.joined.Joined.completion", "part(own) for part, own in pairs", "own for _, own in pairs", "test_rotated.py::test_labels_and_columns_given_other_columns"),
    ("skrbm.units.joined.Joined.conditionals.of", "units - first[i]", "0 * units", "test_rotated.py::test_pseudo_log_likelihood_with_labels"),
    ("skrbm.deep.conditionals.complete", "completed(net.visible.sample(mean, rng))", "net.visible.sample(mean, rng)", "test_rotated.py::test_belief_nets_complete_correlated_units"),
    ("skrbm._kernels.patterns.Patterns._of_rows", "rows = rows[np.argsort(of_row.ravel(), kind=\"stable\")][places]", "rows = rows[places]", "test_rotated.py::test_rows_of_many_patterns_are_the_same_alone"),
    ("skrbm._kernels.patterns.Patterns.blocks", "arrays.where(self._is_inside(), parts, identity)", "parts", "test_rotated.py::test_rows_of_many_patterns_are_the_same_alone"),
    ("skrbm.estimators.common.fitted.Fitted._free_energy_of_states.work", "return -to_host(log_marginal) - log_volume_of(to_host(arrays.is_nan(v)))", "return -to_host(log_marginal)", "test_missing.py::test_densities_are_marginals_of_the_known_columns"),
    ("skrbm.estimators.common.fitted.Fitted.impute", "return np.where(np.isnan(X), filled, X).astype(X.dtype, copy=False)", "return filled.astype(X.dtype)", "test_missing.py::test_known_values_are_returned_bit_for_bit"),
    ("skrbm.learning.completion.Completion.move", "self.states[chains] = to_host(states)", "pass", "test_missing.py::test_models_are_learned_despite_missing_values"),
    ("skrbm.data.summary.summarize.of_block", "np.where(missing, 0, x), share @ ~missing", "np.where(missing, 0, x), share.sum()", "test_missing.py::test_columns_start_from_their_known_values"),
    ("skrbm.data.summary._block_moments", "weight, mean = share @ ~missing, share @ u", "mean = share @ u", "test_missing.py::test_columns_start_from_their_known_values"),
    # Missing values in stacks
    ("skrbm.deep.conditionals._posterior_mean", "old, new = arrays.exp(before - largest), arrays.exp(log_weight - largest)", "old, new = arrays.exp(0 * before), arrays.exp(0 * before)", "test_belief_conditionals.py::test_an_ascent_ends_at_a_fixed_point_of_its_exact_step"),
    ("skrbm.deep.conditionals.mode", "step, most_probable(means(net, v, rng, n_steps))", "step, most_probable(0 * means(net, v, rng, n_steps))", "test_belief_conditionals.py::test_a_mode_is_mostly_the_most_probable_completion"),
    ("skrbm.deep.conditionals.Incomplete.log_ratios", "terms[gaps, i] += log_weights + self.rbm.free_energy(states)", "terms[gaps, i] += log_weights", "test_belief_conditionals.py::test_the_bound_is_the_mean_over_missing_and_hidden_states"),
    ("skrbm.deep.conditionals.Incomplete.log_ratios", "completed[gaps] = states", "completed[gaps] = states[::-1]", "test_belief_conditionals.py::test_the_bound_is_the_mean_over_missing_and_hidden_states"),
    ("skrbm.deep.conditionals.Incomplete.log_ratios", "completed[gaps] = states", "completed[gaps] = 0 * states", "test_belief_conditionals.py::test_terms_are_logarithms_of_unbiased_estimates"),
    ("skrbm.deep.conditionals.Incomplete.log_ratios", "terms[gaps, i] += log_weights + self", "terms[:, i] += log_weights.sum(); terms[gaps, i] += self", "test_belief_conditionals.py::test_complete_rows_have_the_terms_of_the_net"),
    ("skrbm.deep.conditionals.complete", "log_ratio = net.log_ratio(proposed) - net.log_ratio(states)", "log_ratio = 0 * net.log_ratio(proposed)", "test_belief_conditionals.py::test_chains_end_in_the_conditional_distribution"),
    ("skrbm.deep.conditionals.complete", "completed(total / (n_steps - first))", "completed(total / n_steps)", "test_belief_conditionals.py::test_means_equal_conditional_means"),
    ("skrbm.deep.conditionals.Incomplete.first_means", "drawn = conditionals.draw(self.rbm, self.base, rows, repeated(rng, _N_CHAINS), _N_STEPS)", "drawn = conditionals.means(self.rbm, self.base, rows, rng, _N_STEPS).visible", "test_belief_conditionals.py::test_first_means_are_averages_over_missing_values"),
    ("skrbm.conditionals._annealed", "return v, at_zero + devices.with_device_of(increments.sum(axis=1), at_zero)", "return v, at_zero", "test_conditionals.py::test_weighted_draws_sum_over_free_units"),
    ("skrbm.conditionals.weighted_draws", "row_log_sum_exp(mixture.log_weights)", "row_log_sum_exp(mixture.log_weights)[::-1]", "test_conditionals.py::test_weighted_draws_sum_over_free_units"),
    ("skrbm.annealing.anneal", "return devices.to_host(arrays.concat([*increments], axis=-1)), v\n", "return devices.to_host(arrays.concat([*increments], axis=-1)), v[::-1]\n", "test_belief_conditionals.py::test_terms_are_logarithms_of_unbiased_estimates"),
    ("skrbm.estimators.common.fitted.Fitted.lower_bound", "shift = shift - self.scaling.log_volume_of(", "self.scaling.log_volume_of(", "test_missing_in_stacks.py::test_densities_of_a_gaussian_layer_are_marginals_of_the_known_columns"),
    ("skrbm.estimators.common.fitted.Fitted.lowest_means", "return self.by_columns(incomplete.first_means, X.values, self.own_draws(X.values))", "pass", "test_missing_in_stacks.py::test_features_are_averages_over_missing_values"),
    ("skrbm.estimators.common.fitted.Fitted.features", "first = self.lowest_means(X)", "first = self.by_rows(lambda v: net.means(v)[0], np.nan_to_num(X.values))", "test_missing_in_stacks.py::test_features_are_averages_over_missing_values"),
    ("skrbm.estimators.dbn.stack.new_layers", 'rbm.set_params(missing_values="refuse")', "pass", "test_missing_in_stacks.py::test_nan_is_refused_unless_the_lowest_layer_allows_it"),
    ("skrbm.validation.rows.check_training_rows", "    if first:\n", "    if False:\n", "test_missing_in_stacks.py::test_nan_is_refused_unless_the_lowest_layer_allows_it"),
    ("skrbm.learning.loop.Feed.mini_batch", "v = self.completion.fill(v, index, rng, n_steps)", "v = np.nan_to_num(v)", "test_missing_in_stacks.py::test_the_layer_above_learns_from_inferred_states"),
    ("skrbm.estimators.dbn.layer_inputs.LayerInputs._states", "        if self.completions is None:\n", "        if True:\n", "test_callbacks.py::test_a_resumed_fit_equals_an_uninterrupted_fit"),
    ("skrbm.estimators.dbn.stack.fit_layer", "resumed=is_started(rbm)", "resumed=False", "test_callbacks.py::test_a_resumed_fit_equals_an_uninterrupted_fit"),
    ("skrbm.deep.belief_net.BeliefNet.means_above", "self._upward_means[1:]", "self._upward_means[-1:]", "test_dbn.py::test_all_layers_are_the_means_one_after_the_other"),
    # Labels and missing values
    ("skrbm.labels.with_label", "shifted = rbm.hidden.shift(rbm.weights.rows(label.start + y))", "shifted = rbm.hidden", "test_labels_missing.py::test_label_probabilities_are_sums_over_missing_values"),
    ("skrbm.labels.label_logits_given", "bias[y] + of_rows", "of_rows", "test_labels_missing.py::test_label_probabilities_are_sums_over_missing_values"),
    ("skrbm.labels.label_logits_given", "logits[~exact] = arrays.log(devices.float64(found.visible[:, label]) + _SMALLEST)", "pass", "test_labels_missing.py::test_label_probabilities_are_sums_over_missing_values"),
    ("skrbm.labels.completed_unlabelled", "conditionals.draw(rbm, rbm.visible, unlabelled(rbm, v[:, others]), rng, n_steps)", "conditionals.draw(rbm, rbm.visible, v, rng, n_steps)", "test_labels_missing.py::test_rows_are_completed_without_their_label"),
    ("skrbm.units.categorical.Categorical.most_probable", "arrays.one_hot(share.argmax(-1), share)", "0 + (share > 0.5)", "test_units.py::test_most_probable_states_have_the_largest_density"),
    ("skrbm.estimators.rbm.classifier.RBMClassifier.sample", "row[:, -n_labels:] = np.arange(n_labels) == index", "pass", "test_labels_missing.py::test_rows_are_drawn_for_a_label_and_filled_in"),
    ("skrbm.estimators.rbm.classifier.RBMClassifier.sample", "row[:, :-n_labels] = check_given(self, given, other_layer(fitted.rbm.visible))", "pass", "test_labels_missing.py::test_rows_are_drawn_for_a_label_and_filled_in"),
    ("skrbm.estimators.common.fitted.Fitted._completer_of_columns", "self._present(complete(self._with_absent(x), rng))", "complete(0 * self._with_absent(x), rng)[:, self.n_absent :]", "test_labels_missing.py::test_rows_are_drawn_for_a_label_and_filled_in"),
    ("skrbm.estimators.rbm.labelled.LabelledRBM._row_figure.figure", "v = completed_unlabelled(rbm, v, rng, _N_STEPS)", "pass", "test_labels_missing.py::test_early_stopping_and_partial_fit_accept_missing_values"),
    ("skrbm.learning.completion.Completion.move", "seen[:, seen.shape[1] - self.n_hidden_columns :] = np.nan", "pass", "test_labels_missing.py::test_chains_of_training_ignore_the_label"),
    ("skrbm.estimators.dbn.fine_tuning.FineTuned._inputs.inputs", "states = completion.fill(v, slice(None), rng)", "states = np.nan_to_num(v)", "test_missing_in_stacks.py::test_a_perceptron_learns_from_draws_of_missing_values"),
    ("skrbm.estimators.dbn.tuned.visible_states", "lowest.by_columns(lowest.completer(\"sample\", _N_STEPS), rows.values, rng)", "lowest.by_columns(lambda v, rng: __import__(\"numpy\").nan_to_num(v), rows.values, rng)", "test_missing_in_stacks.py::test_predictions_are_averages_over_missing_values"),
    ("skrbm.estimators.dbn.fine_tuning.FineTuned._inputs", "LayerInputs(rows, rng, fit.completions)", "LayerInputs(rows, rng)", "test_callbacks.py::test_a_resumed_fit_equals_an_uninterrupted_fit"),
    # Callbacks, checkpoints, outliers
    ("skrbm.estimators.rbm.settings.Settings", "    @cached_property\n    def validation_seed", "    @property\n    def validation_seed", "test_callbacks.py::test_a_resumed_fit_equals_an_uninterrupted_fit"),
    ("skrbm.estimators.rbm.learner.Learner._feed.states", "            if fit.completions is None:", "            if True:", "test_callbacks.py::test_a_resumed_fit_equals_an_uninterrupted_fit"),
    ("skrbm.estimators.rbm.learner.Learner.finish", "*of_rows, fit.best, fit.plan.ends", "*of_rows, type(fit.best)(), fit.plan.ends", "test_callbacks.py::test_a_resumed_fit_equals_an_uninterrupted_fit"),
    ("skrbm.estimators.rbm.learner.Learner._train", "if stopping is not None and stopping.over:", "if False:", "test_callbacks.py::test_a_resumed_fit_equals_an_uninterrupted_fit"),
    ("skrbm.estimators.rbm.learner.Learner.go_on", "        self.fit = None  # these rows do not belong to an interrupted fit\n", "", "test_callbacks.py::test_refuses_to_resume_finished_fits_and_other_data"),
    ("skrbm.estimators.rbm.learner.Learner.finish", "fit.seed)\n        self.fit = None\n", "fit.seed)\n", "test_callbacks.py::test_refuses_to_resume_finished_fits_and_other_data"),
    ("skrbm.estimators.common.fit_state.asked_to_stop", "        except StopIteration:\n            asked = True", "        except StopIteration:\n            return True", "test_callbacks.py::test_stop_iteration_ends_a_fit_and_all_callbacks_are_called"),
    ("skrbm.estimators.dbn.mlp.Tuning.run", "range(self.n_done, n_sweeps)", "range(n_sweeps)", "test_callbacks.py::test_a_resumed_fit_equals_an_uninterrupted_fit"),
    ("skrbm.estimators.dbn.fine_tuning.FineTuned._finish", "if tuning.n_done == 0:", "if True:", "test_callbacks.py::test_a_resumed_fit_equals_an_uninterrupted_fit"),
    ("skrbm.estimators.dbn.fine_tuning.FineTuned._reported.stop", "return self._asked_to_stop(n_before + n_done)", "return self._asked_to_stop(n_done)", "test_fine_tuned.py::test_callbacks_see_a_classifier_that_predicts_and_may_stop_it"),
    ("skrbm.estimators.dbn.fine_tuning.FineTuned._finish", "lambda record: self._asked_to_stop(own.n_epochs())", "lambda record: False", "test_callbacks.py::test_a_resumed_fit_equals_an_uninterrupted_fit"),
    ("skrbm.estimators.dbn.mlp.Tuning.run", "            if stop(self.n_done):\n                break\n", "            stop(self.n_done)\n", "test_fine_tuned.py::test_callbacks_see_a_classifier_that_predicts_and_may_stop_it"),
    ("skrbm.estimators.dbn.fine_tuning.FineTuned._finish", "        self._fit_state = None\n", "", "test_fine_tuned.py::test_refuses_to_resume_finished_fits_and_other_data"),
    ("skrbm.estimators.dbn.network.DeepBeliefNetwork._finish.stop", "return (hook is not None and hook(record)) or asked", "return asked", "test_callbacks.py::test_a_resumed_fit_equals_an_uninterrupted_fit"),
    ("skrbm.estimators.common.checkpoint.Checkpoint.__call__", 'Path(f"{self.path}.part")', "Path(self.path)", "test_callbacks.py::test_a_killed_fit_resumes_from_its_file"),
    ("skrbm.estimators.common.checkpoint.Checkpoint.__call__", '        part.unlink(missing_ok=True)\n        with part.open("x+b")', '        with part.open("w+b")', "test_callbacks.py::test_links_are_not_followed"),
    ("skrbm.estimators.common.checkpoint.Checkpoint.__init__", "os.fsdecode(path)", "Path(path)", "test_callbacks.py::test_a_checkpoint_holds_its_path_as_text"),
    ("skrbm.estimators.common.checkpoint.Checkpoint.load", "hashlib.new(_HASH, pickled).digest() == checksum", "True", "test_callbacks.py::test_a_flipped_bit_is_detected"),
    ("skrbm.estimators.common.checkpoint.Checkpoint.check", "writable and not os.path.isdir(self.path)", "True", "test_callbacks.py::test_a_path_that_cannot_be_written_is_refused_before_training"),
    ("skrbm.estimators.common.checkpoint.Checkpoint.check", 'os.path.dirname(self.path) or "."', "os.path.dirname(self.path)", "test_callbacks.py::test_a_relative_path_is_in_the_current_folder"),
    ("skrbm.estimators.rbm.bernoulli.BernoulliRBM._begin", "Unscaled(dtype.name)", "Unscaled(dtype)", "test_storage.py::test_skops_keeps_an_estimator"),
    ("skrbm.estimators.dbn.stack.fit_layer", "learner.fit is None and not learner.training.history", "False", "test_callbacks.py::test_a_stack_interrupted_between_two_layers_resumes"),
    ("skrbm.estimators.dbn.stack.fit_layer", "    if learner.fit is not None:", "    if True:", "test_callbacks.py::test_a_stack_interrupted_between_two_layers_resumes"),
    ("skrbm.estimators.rbm.learner.Learner._train", "[keep, *watch, report, *settings.hooks]", "[*settings.hooks, keep, *watch, report]", "test_callbacks.py::test_a_fit_resumes_exactly_after_an_exception_in_a_callback"),
    ("skrbm.estimators.rbm.learner.Learner._train", "        first = fit.n_done\n", "        first = 0\n", "test_callbacks.py::test_a_fit_interrupted_within_an_epoch_trains_all_its_epochs"),
    ("skrbm.estimators.common.checkpoint.Checkpoint.__call__", "        part.replace(self.path)", "        Path(self.path).write_bytes(part.read_bytes())", "test_callbacks.py::test_files_that_are_not_checkpoints_are_refused"),
    ("skrbm.estimators.rbm.outlier_detector.RBMOutlierDetector._score_samples", "return -fitted_of(self.rbm_).free_energy(rows)", "return fitted_of(self.rbm_).free_energy(rows)", "test_outliers.py::test_scores_order_rows_as_their_likelihoods_do"),
    ("skrbm.estimators.rbm.cross_fitting.Scores.quantile", "upto = self.weights[order].cumsum()", "upto = (0 * self.weights + 1).cumsum()", "test_outliers.py::test_a_quantile_satisfies_its_definition"),
    ("skrbm.estimators.rbm.cross_fitting.Scores.quantile", "target * (1 + _TINY)", "target * (1 - _TINY)", "test_outliers.py::test_a_quantile_satisfies_its_definition"),
    ("skrbm.estimators.rbm.cross_fitting.cross_fitted.work", "return scores_of(model, test) + shift", "return scores_of(model, test)", "test_outliers.py::test_log_z_of_the_models_of_folds_does_not_matter"),
    ("skrbm.estimators.rbm.cross_fitting.cross_fitted.work", "new = ~(learnt | core[fold[0]])", "new = learnt | True", "test_outliers.py::test_thresholds_allow_for_models_of_fewer_rows"),
    ("skrbm.estimators.rbm.cross_fitting.cross_fitted.work", "callbacks=None, verbose=0", "verbose=0", "test_outliers.py::test_only_the_model_of_all_rows_calls_callbacks"),
    ("skrbm.estimators.rbm.cross_fitting.cross_fitted.work", "fit_rows(model, train.where(learnt))", "fit_rows(model, rows)", "test_trimming.py::test_outliers_that_resemble_each_other_are_not_learned"),
    ("skrbm.estimators.rbm.cross_fitting.cross_fitted.work", "train.where(learnt)", "train", "test_trimming.py::test_outliers_that_resemble_each_other_are_not_learned"),
    ("skrbm.estimators.rbm.cross_fitting.cross_fitted.work", "        new |= not new.any()\n", "", "test_outliers.py::test_few_rows_set_a_threshold"),
    ("skrbm.estimators.rbm.cross_fitting.folds_of", "shuffle=True, random_state=seed % 2**32", "shuffle=False", "test_outliers.py::test_folds_score_rows_that_they_do_not_train_on"),
    ("skrbm.estimators.rbm.cross_fitting.folds_of", "place[rows.used] = np.arange(n_rows)", "place[:n_rows] = np.arange(n_rows)", "test_outliers.py::test_splits_index_the_given_rows"),
    ("skrbm.estimators.rbm.outlier_detector._threshold", "    if not folds:\n", "    if True:\n", "test_outliers.py::test_the_threshold_holds_for_new_rows"),
    ("skrbm.estimators.rbm.outlier_detector._threshold", "return offset, np.where(n_scores > 0, sums / np.maximum(n_scores, 1), of_rbm.values)", "return offset, of_rbm.values", "test_outliers.py::test_the_threshold_has_its_share_of_the_rows_of_fit_below_it"),
    ("skrbm.estimators.rbm.outlier_detector.RBMOutlierDetector._fit", "fit_rows(rbm, rows.where(core))", "fit_rows(rbm, rows)", "test_trimming.py::test_outliers_that_resemble_each_other_are_not_learned"),
    ("skrbm.estimators.rbm.outlier_detector._trimmed_share", "min(_MOST_TRIMMED, _TRIMMED * (0.1", "(_TRIMMED * (0.1", "test_trimming.py::test_the_model_learns_the_rows_that_are_left"),
    ("skrbm.estimators.rbm.trimming.untrimmed", "        hidden_bias=_ALWAYS_OFF,\n", "", "test_trimming.py::test_the_most_probable_rows_of_independent_columns_are_left"),
    ("skrbm.estimators.rbm.trimming.untrimmed", "for model in (independent, correlated)", "for model in (correlated,)", "test_trimming.py::test_the_most_probable_rows_of_independent_columns_are_left"),
    ("skrbm.estimators.rbm.trimming.untrimmed", "Scores(scores_of(model, rows), rows.weights)", "Scores(scores_of(model, rows), 0 * rows.weights + 1)", "test_trimming.py::test_the_most_probable_rows_of_independent_columns_are_left"),
    ("skrbm.estimators.rbm.trimming.untrimmed", "(independent, correlated)", "(independent, independent)", "test_trimming.py::test_rows_against_the_correlations_are_trimmed"),
    ("skrbm.estimators.rbm.outlier_detector._lower_end", "lower - _FENCE * (upper - lower)", "lower - (upper - lower)", "test_outliers.py::test_thresholds_of_normal_data_match_chi_square"),
    ("skrbm.estimators.rbm.outlier_detector.RBMOutlierDetector._fit", "            check_part(rbm, int(part.sum()), rows.values.shape[1])\n", "            pass\n", "test_outliers.py::test_a_fold_too_small_to_stop_early_is_refused"),
    ("skrbm.estimators.rbm.outlier_detector.RBMOutlierDetector._fit", "_ENOUGH if self.novelty else n_given", "_ENOUGH", "test_outliers.py::test_every_row_of_fit_is_judged_by_a_model_not_fitted_to_it"),
    ("skrbm.validation.parameters.check_seeds", "return [int(seed.generate_state(1, np.uint64)[0] >> 1) for seed in seeds]", "return seeds", "test_storage.py::test_skops_keeps_an_estimator"),
    ("skrbm.estimators.common.methods.reconstruct", "framed_means(estimator, means, X)", "framed_means(estimator, means)", "test_containers.py::test_rows_of_data_have_the_container_of_set_output"),
    ("skrbm.validation.rows._without_categories", "if len(names) else X", "if len(names) == 99 else X", "test_containers.py::test_missing_categories_are_missing_values"),
    ("skrbm.estimators.rbm.imputer.RBMImputer.fit", "limits[:, kept]", "limits[:, : kept.sum()]", "test_imputer.py::test_limits_of_an_empty_column_are_skipped"),
    ("skrbm.estimators.rbm.imputer.RBMImputer.transform", "np.where(np.isnan(rows), filled.clip(*self._limits.astype(filled.dtype)), filled)", "filled.clip(*self._limits.astype(filled.dtype))", "test_imputer.py::test_imputed_values_lie_within_limits_and_known_values_stay"),
    ("skrbm.validation.rows.find_empty", "[used[block]]", "", "test_imputer.py::test_a_column_is_empty_if_only_rows_without_weight_have_values"),
    ("skrbm.estimators.rbm.imputer.RBMImputer.fit", "self._kept, self._limits, self._seed = kept, limits[:, kept], draws_seed", "self._kept, self._limits, self._seed = kept, limits[:, kept], None", "test_missing.py::test_draws_of_an_imputer_are_the_same_in_every_call"),
    # Torch
    ("skrbm._kernels.products._tensor_product", "return (x.bfloat16() @ y.bfloat16()).to(y.dtype)", "return x @ y", "test_torch.py::test_bfloat16_rounds_factors_and_nothing_else"),
    ("skrbm._kernels.products.addmm", "        library(c).addmm(c, a.T, b, out=c)", "        library(c).addmm(c, a.T, b)", "test_torch.py::test_small_steps_are_made_in_place_and_not_lost"),
    ("skrbm._kernels.products.addmm", "        c += _tensor_product(a.T, b, precision)", "        c[...] = (c + _tensor_product(a.T, b, precision)).bfloat16()", "test_torch.py::test_small_steps_are_made_in_place_and_not_lost"),
    ("skrbm.estimators.rbm.learner.Learner._train", "            state.move(to_host)\n", "            pass\n", "test_torch.py::test_models_do_not_depend_on_the_device_of_their_fit"),
    ("skrbm.estimators.rbm.learner.Learner._train", "        finally:  # an interrupted epoch has already changed chains and parameters\n", "        except MemoryError:\n            pass\n        else:\n", "test_torch.py::test_an_interrupted_epoch_leaves_no_tensors"),
    ("skrbm._kernels.random.bernoulli_logistic", "        states = library(y).sigmoid_(x + y).mul_(65536)", "        states, rng = library(y).sigmoid_(x + y).mul_(65536), generator(0)", "test_torch.py::test_chains_are_the_same_with_either_engine"),
    ("skrbm.validation.rows.check_real", "    X = devices.to_host(X)\n", "    X = np.array(devices.to_host(X))\n", "test_torch.py::test_tensors_are_used_in_place"),
    ("skrbm.estimators.common.device.Device.check", 'check_precision("precision", self.precision, check_device("device", self.name))', 'check_device("device", self.name)', "test_torch.py::test_missing_devices_are_refused_before_any_work"),
    ("skrbm.estimators.dbn.stack.check_layers", "        estimators.check_same_device(rbms[0], rbm)\n", "", "test_torch.py::test_layers_of_a_stack_compute_in_one_place"),
    # A device other than the processor
    ("skrbm.validation.rows._rows_of", "        check_real(np.broadcast_to(np.zeros((), rows.dtype), rows.shape), name, **options)\n", "", "test_torch.py::test_tensors_are_refused_with_the_messages_for_arrays"),
    ("skrbm.validation.rows.check_real", "    if not devices.is_dense(X):", "    if False:", "test_torch.py::test_tensors_that_are_no_arrays"),
    ("skrbm._kernels.devices.to_host", "        x = x.float()  # for", "        pass  # for", "test_torch.py::test_tensors_that_are_no_arrays"),
    ("skrbm._kernels.devices.float64", "return (x.cpu() if is_without_float64(x) else x).double()", "return x.double()", "test_torch.py::test_tensors_of_device_and_host_are_never_mixed"),
    ("skrbm._kernels.arrays.log_mean_exp", "share @ like(weights, share)) + float64(largest)", "share @ like(weights, share)) + largest", "test_torch.py::test_tensors_of_device_and_host_are_never_mixed"),
    ("skrbm._kernels.random._of_device", "manual_seed(int(rng.integers(2**63)))", "manual_seed(0)", "test_torch.py::test_draws_on_a_device_follow_the_model"),
    ("skrbm._kernels.random._unit_interval", "bits += 2**23", "bits += 2**22", "test_torch.py::test_draws_on_a_device_have_their_distribution"),
    ("skrbm._kernels.random.uniform_by_key", "keys[:, None] * factor", "(0 * keys[:, None] + 1) * factor", "test_torch.py::test_draws_on_a_device_have_their_distribution"),
    ("skrbm.estimators.common.device.Device.check_dtype", '        check_device_of("device", self.name, dtype)\n', "", "test_torch.py::test_float64_is_refused_if_the_device_lacks_it"),
    ("skrbm.estimators.rbm.learner.Learner._train", "            self._keep(state.model)\n            state.move(to_host)\n            state.model = self.fitted.rbm\n", "            state.move(to_host)\n            state.model = self.fitted.rbm\n", "test_torch.py::test_an_interrupted_epoch_keeps_its_progress"),
    ("skrbm.estimators.rbm.learner.Learner._train", "        state.move(device.place)\n", "", "test_torch.py::test_tensors_of_device_and_host_are_never_mixed"),
    ("skrbm.estimators.rbm.bernoulli.BernoulliRBM.intercept_visible_", "rbm.visible.with_bias(value)", "rbm.visible.with_bias(0 * value)", "test_rbm.py::test_setting_a_parameter_changes_all_results_and_log_z"),
    ("skrbm.estimators.rbm.learner.Learner.known_log_partition", "self.log_partitions.get(self._hash())", "next(iter(self.log_partitions.values()), None)", "test_rbm.py::test_setting_a_parameter_changes_all_results_and_log_z"),
    ("skrbm.estimators.rbm.base.BaseRBM.__sklearn_is_fitted__", "    def __sklearn_is_fitted__(self) -> bool:\n        return self._learner is not None", "    def __sklearn_is_fitted__(self) -> bool:\n        return True", "test_validation.py::test_attributes_need_a_fit"),
    ("skrbm.estimators.rbm.outlier_detector.RBMOutlierDetector._fit", "        fit_rows(rbm, rows.where(core))\n", '        fit_rows(rbm, rows.where(core))\n        check_visible(self, X, "X", domain_of(rbm))\n', "test_validation.py::test_fit_of_a_wrapper_reads_the_rows_once"),
    ("skrbm._earlier_versions._Finder.find_spec", "if name in _MODULES:", "if False:", "test_storage.py::test_a_model_that_an_earlier_version_saved_is_refused_in_one_sentence"),
    ("skrbm.estimators.common.checkpoint.Checkpoint.load", "except EarlierVersionError:", "except OSError:", "test_storage.py::test_a_model_that_an_earlier_version_saved_is_refused_in_one_sentence"),
    ("skrbm.data.summary.summarize", "@_silent\n    def of_block", "def of_block", "test_summary.py::test_sums_of_infinite_values_do_not_warn"),
    ("skrbm.estimators.rbm.learner.Learner.finish", "                seen = settings.below.view(rows.values, self.fitted.rbm.visible)\n", "                pass\n", "test_callbacks.py::test_a_resumed_fit_equals_an_uninterrupted_fit"),
    # A fit on a cluster
    ("skrbm.data.summary._merged_moments", "third += distance * (3 * second + spread)", "third += distance * spread", "test_distributed.py::test_merged_summaries_equal_the_summary_of_all_rows"),
    ("skrbm.data.summary._merged_moments", "(second + spread).sum(axis=0)", "second.sum(axis=0)", "test_distributed.py::test_training_starts_as_from_all_rows"),
    ("skrbm.distributed.worker.WorkerState._statistics", "        phases = phases.weighted(sizes[self.index] / sum(sizes))\n", "", "test_distributed.py::test_updates_with_chains_equal_updates_on_one_machine"),
    ("skrbm.distributed.worker.WorkerState._statistics", "phases.weighted(sizes[self.index] / sum(sizes))", "phases.weighted(1 / len(sizes))", "test_distributed.py::test_updates_equal_updates_on_one_machine"),
    ("skrbm.distributed.worker.WorkerState._placed", "self.settings.device, deepcopy(known)", "self.settings.device, known", "test_distributed.py::test_a_repeated_round_has_the_same_outcome"),
    ("skrbm.distributed.worker.WorkerState.step", "(now.token, now.n_made) != (token, n_made)", "False", "test_distributed.py::test_steps_of_an_abandoned_attempt_are_refused"),
    ("skrbm.distributed.worker.WorkerState._new_state", "for _ in range(_N_WARM_UP):", "for _ in range(0):", "test_distributed.py::test_chains_that_replace_lost_ones_come_near_the_model"),
    ("skrbm.distributed.worker.WorkerState._end", "tuple((weight * x).astype", "tuple((0.9 * weight * x).astype", "test_distributed.py::test_learns_as_well_as_one_machine"),
    ("skrbm.distributed.worker.WorkerState._placed", "        take_shared(state, shared)\n", "", "test_distributed.py::test_learns_as_well_as_one_machine"),
    ("skrbm.distributed.worker.WorkerState.ascend", "        return self.inputs.summary\n", "        self.inputs = self.inputs._replace(values=self.inputs.values**8)\n        return self.inputs.summary\n", "test_distributed.py::test_fits_a_stack_layer_by_layer"),
    ("skrbm.learning.train_state.TrainState.join", "*(x.chains for x in others if x.chains is not None)]", "*(self.chains for x in others)]", "test_distributed.py::test_the_estimator_gets_the_chains_of_all_workers"),
    ("skrbm.estimators.rbm.learner.Learner.take_chains", "        first.join(others)\n", "", "test_distributed.py::test_learns_as_well_as_one_machine"),
    ("skrbm.distributed.cluster._grouped", "in at or workers), key=len", "in workers), key=len", "test_distributed.py::test_blocks_are_divided_evenly"),
    ("skrbm.distributed.cluster._grouped", "        if len(most) - len(fewest) <= 1:", "        if True:", "test_distributed.py::test_blocks_are_divided_evenly"),
    ("skrbm.distributed.cluster.Cluster.close", "distributed.fire_and_forget(self._submit(forget, i))", "pass", "test_distributed.py::test_blocks_stay_on_their_workers"),
    ("skrbm.distributed.fit.Fit._load", "for text in texts][:1]:", "for text in texts][:0]:", "test_distributed.py::test_warnings_of_workers_are_shown_on_the_client"),
    ("skrbm.distributed.fit.Fit.rbm", "self._train(rbm, summaries, settings)", "self._train(rbm, summaries, settings_of(_light(rbm)))", "test_distributed.py::test_a_callback_stops_the_fit"),
    ("skrbm.distributed.estimator.Distributed.log_partition", "budget = AnnealingBudget(n_chains, n_temperatures, spread=cluster.spread)", "budget = AnnealingBudget(n_chains, n_temperatures)", "test_distributed.py::test_annealing_on_workers_equals_annealing_on_one_machine"),
    # Tables on clusters
    ("skrbm.data.tables.Table.beyond", "{known[values.argmin()], known[values.argmax()]}", "{known[values.argmin()]}", "test_distributed_tables.py::test_codes_of_a_sample_do_not_depend_on_blocks"),
    ("skrbm.data.tables.Table.beyond", "[::-1]", "", "test_distributed_tables.py::test_rows_beyond_a_table_are_rows_beyond_its_parts"),
    ("skrbm.data.tables.Table.beyond", "set(sorted(first.values())[:most])", "set(list(first.values())[:most])", "test_distributed_tables.py::test_rows_beyond_a_table_are_rows_beyond_its_parts"),
    ("skrbm.distributed.fit.Fit._encode", "if not sample.is_all:", "if False:", "test_distributed_tables.py::test_codes_of_a_sample_do_not_depend_on_blocks"),
    ("skrbm.distributed.fit.Fit._encode", "joined(others).beyond(coding.table)", "joined(others)", "test_distributed_tables.py::test_codes_of_a_sample_do_not_depend_on_blocks"),
    ("skrbm.distributed.fit.Fit._load", "        check_filled(merge(summaries).bounds)\n", "", "test_distributed_tables.py::test_refuses_tables_that_cannot_be_fitted"),
    ("skrbm.distributed.fit.Fit._encode", "        check_partitions(list(map(sum, sizes)))\n", "", "test_distributed_tables.py::test_refuses_tables_that_cannot_be_fitted"),
    ("skrbm.distributed.fit.Fit.stack", "None if i else coding", "None", "test_distributed_tables.py::test_a_stack_starts_with_a_table"),
    ("skrbm.distributed.tables.Sample.of", "self.seed", "len(pieces)", "test_distributed_tables.py::test_codes_of_a_sample_do_not_depend_on_blocks"),
    ("skrbm.distributed.tables.joined", "return_index=True)\n    return Piece(places, taken(_concatenated([piece.rows for piece in some]), order))", "return_index=True)\n    return Piece(places, _concatenated([piece.rows for piece in some]))", "test_distributed_tables.py::test_pieces_are_joined_in_the_order_of_the_table"),
    ("skrbm.distributed.tables.joined", "        return pieces[0]\n", "        pass\n", "test_distributed_tables.py::test_a_sample_may_have_all_categories"),
    ("skrbm.distributed.tables.joined", "key=lambda x: x.places[0]", "key=lambda x: -x.places[0]", "test_distributed_tables.py::test_codes_equal_codes_on_one_machine"),
    ("skrbm.distributed.cluster.Cluster.starts", "of_blocks.cumsum()", "of_blocks", "test_distributed_tables.py::test_codes_equal_codes_on_one_machine"),
    ("skrbm.distributed.worker.WorkerState.encode", "self.rows, self.blocks = coded_rows(rbm, self.blocks, coding), []", "self.rows, self.blocks = coded_rows(rbm, self.blocks[:1], coding), []", "test_distributed_tables.py::test_codes_equal_codes_on_one_machine"),
    ("skrbm.distributed.worker.WorkerState.load", "strict, first=False", "strict, first=True", "test_distributed_tables.py::test_missing_values_are_trained_as_on_one_machine"),
    ("skrbm.distributed.worker.WorkerState._loop", "        learner.replace_training(state)\n", "", "test_distributed_tables.py::test_chains_of_rows_that_replace_lost_ones_come_near_the_model"),
    ("skrbm.distributed.worker.WorkerState._loop", "deepcopy(self.completions.get(epoch))", "self.completions.get(epoch)", "test_distributed_tables.py::test_a_repeated_round_completes_rows_as_before"),
    ("skrbm.distributed.worker.WorkerState._end", "self.completions[epoch + 1] =", "_ =", "test_distributed_tables.py::test_a_repeated_round_completes_rows_as_before"),
    ("skrbm.distributed.worker.WorkerState._new_state", "                loop.feed.move_all(state.rng, _N_WARM_UP)\n", "", "test_distributed_tables.py::test_chains_of_rows_that_replace_lost_ones_come_near_the_model"),
    ("skrbm.distributed.estimator.Distributed.transform", "isinstance(self._layers[0], TabularRBM)", "False", "test_distributed_tables.py::test_features_and_scores_of_tables_are_lazy"),
    # Versions
    ("skrbm._show_versions", '"scikit-learn", ', "", "test_show_versions.py::test_shows_every_dependency_of_the_project"),
    ("skrbm._show_versions._packages", "            continue", "            raise", "test_show_versions.py::test_omits_packages_that_are_not_installed"),
    ("skrbm._show_versions._blas", 'library["num_threads"]', "2", "test_show_versions.py::test_shows_threads_of_the_blas"),
    ("skrbm._show_versions.show_versions", "if compiled.is_available()", "if compiled.is_available", "test_show_versions.py::test_shows_whether_updates_are_compiled"),
    # Tables
    ("skrbm.data.lattices.Lattice.value", "np.round(values, self.decimals)", "values", "test_columns.py::test_draws_have_their_codes"),
    ("skrbm.data.lattices.Lattice.of", "for step in (1.0, *steps) if whole else steps:", "for step in (1.0,) if whole else ():", "test_tables.py::test_times_are_drawn_in_their_steps"),
    ("skrbm.data.lattices.Lattice.within", "index[1] - outside[1]", "index[1]", "test_columns.py::test_ranges_have_the_share_of_draws"),
    ("skrbm.data.cells.Cells.log_density", "ends[0] = self.mass[0] * rate[0]", "pass", "test_columns.py::test_probabilities_of_integers_and_decimals_sum_to_one"),
    ("skrbm.data.cells.Cells.means", "low + (high - low) / 2", "low", "test_columns.py::test_means_and_medians_match_draws"),
    ("skrbm.data.cells.Cells.within", "[cell[1:-1]] * share *", "[cell[1:-1]] *", "test_columns.py::test_ranges_have_the_share_of_draws"),
    ("skrbm.data.cells.quantiles", "1 - (end[piece] - target) / mass[piece]", "p", "test_columns.py::test_draws_follow_the_density"),
    ("skrbm.data.columns.Numbers.expected", "means[0] + p @ (means - means[0])", "means[p.argmax(1)]", "test_columns.py::test_means_and_medians_match_draws"),
    ("skrbm.data.columns.Numbers.medians", "(up_to[:, :-1] <= 0.5)", "(up_to[:, :-1] <= 0.4)", "test_columns.py::test_medians_split_draws_of_several_codes_in_half"),
    ("skrbm.data.columns.Numbers.among", "np.unique(values.astype(self.dtype))", "self.nearest(values.astype(self.dtype)) + 1e-3", "test_columns.py::test_single_numbers_are_given_exactly"),
    ("skrbm.data.columns.Numbers.log_density", "- math.log(step)", "", "test_columns.py::test_units_shift_the_density_by_the_log_of_their_factor"),
    ("skrbm.data.categories.Categories.expected", "probabilities * self.mass[self._most_frequent()]", "probabilities", "test_columns.py::test_the_most_probable_category_may_share_a_code"),
    ("skrbm.data.categories.Part.of", "np.exp(log_p[known] - np.where(np.isneginf(share), 0, share))", "np.ones(known.sum())", "test_columns.py::test_numbers_in_a_set_are_weighted_by_density"),
    ("skrbm.data.columns.WithMissing.expected", "probabilities[:, :-1]", "probabilities[:, 1:]", "test_tables.py::test_expected_values_ignore_the_code_of_missing_cells"),
    ("skrbm.data.conditions.Condition._with_missing", "missing=bool(missing.any())", "missing=False", "test_tables.py::test_conditions_may_allow_missing_cells"),
    ("skrbm.data.pandas_frames.PandasFrame._filled", "self.is_missing(name) & ~missing_in(values)", "~missing_in(values)", "test_tables.py::test_known_cells_are_returned_bit_for_bit"),
    ("skrbm.data.objects._in_utc", "x.astimezone(datetime.UTC).replace(tzinfo=None)", "x.replace(tzinfo=None)", "test_tables.py::test_conditions_on_times_in_frames_of_polars_and_arrays"),
    ("skrbm.data.tables.Table.expected", "values[i] = column.nearest(values[i])", "pass", "test_tables.py::test_means_and_modes_keep_types_and_known_cells"),
    ("skrbm.data.tables.Table.decode", "columns[name] = part.column", "pass", "test_tables.py::test_conditions_hold_in_draws_of_a_table"),
    # Ordinal units
    ("skrbm.units.ordinal.Ordinal.mean", "along_rows(p, self._rising(p).T)", "along_rows(p[..., ::-1], self._rising(p).T)", "test_units.py::test_mean_is_the_derivative_of_the_log_normalizer"),
    ("skrbm.units.ordinal.Ordinal.sample", "(*mean.shape[:-1], len(self.n_levels)), rng, mean)\n        return self._at(mean, u)", "(*mean.shape[:-1], mean.shape[-1]), rng, mean)\n        return arrays.where(u * self._heights(mean) < mean, self._heights(mean), 0 * mean)", "test_units.py::test_draws_have_the_mean_and_variance_of_the_distribution"),
    ("skrbm.units.ordinal.Ordinal.log_probability", "log_p[..., 0].sum(-1) + state", "log_p[..., -1].sum(-1) + state", "test_units.py::test_log_probabilities_sum_to_one_and_broadening_keeps_means"),
    ("skrbm.units.ordinal.Ordinal.most_probable", "self._probabilities(mean, -1.0)", "self._probabilities(mean, 1.0)", "test_units.py::test_most_probable_states_have_the_largest_density"),
    ("skrbm.units.ordinal.Ordinal.are_states", "and falls", "", "test_units.py::test_levels_are_reached_step_by_step"),
    ("skrbm.units.ordinal.Ordinal.from_totals", "steps / heights, n_levels", "steps, n_levels", "test_units.py::test_levels_start_as_frequent_as_in_data"),
    ("skrbm.units.ordinal.Ordinal.log_total", "self.n_columns + 1", "self.n_columns", "test_likelihood.py::test_pseudo_log_likelihood_is_the_sum_of_exact_conditionals"),
    # Tables: coding
    ("skrbm.data.coding.Coding.states", "states *= height.astype(dtype)", "pass", "test_tabular.py::test_scores_follow_from_the_attributes_and_sum_to_one"),
    ("skrbm.data.coding.Coding.states", "states[taken < 0] = np.nan", "pass", "test_tabular.py::test_missing_cells_are_summed_out"),
    ("skrbm.data.coding.Coding.probabilities", "+ first).clip", "+ 0 * first).clip", "test_tabular.py::test_predictions_equal_enumeration"),
    ("skrbm.data.coding.Coding.code_states", "code[:, None] > index)", "code[:, None] >= index)", "test_tabular.py::test_scores_follow_from_the_attributes_and_sum_to_one"),
    ("skrbm.data.coding.Coding.input", "share[np.minimum(first + 1, len(share) - 1)] - share[first]", "share[first]", "test_tabular.py::test_draws_given_conditions_have_the_conditional_distribution"),
    ("skrbm.data.coding.Coding.__getstate__", "{\"table\": self.table, \"handle_unknown\": self.handle_unknown}", "dict(vars(self))", "test_seeds.py::test_reading_changes_no_hash"),
    ("skrbm.data.coding.CodedRows.is_missing", " | self.coding.without_values", "", "test_tabular_rows.py::test_degenerate_tables"),
    ("skrbm.data.coding.CodedRows.part", "index=self.index[rows]", "index=self.index[: len(rows)]", "test_tabular_within.py::test_detectors_flag_rows_of_tables"),
    # Tables: answers
    ("skrbm.estimators.common.fitted.Fitted.free_energy", "of_states - X.values.log_density.sum(axis=1)", "of_states", "test_tabular.py::test_units_shift_scores_by_the_log_of_their_factor"),
    ("skrbm.estimators.common.fitted.Fitted.lower_bound", "shift = shift - X.values.log_density.sum(axis=1)", "pass", "test_tabular_within.py::test_bounds_of_stacks_are_below_log_likelihoods_in_units_of_the_table"),
    ("skrbm.estimators.common.fitted.Fitted.energy", "v.log_density.sum(1)", "0", "test_tabular.py::test_free_energies_sum_over_hidden_states"),
    ("skrbm.estimators.common.fitted_table.FittedTable.sample_given", "log_share[self.coding.codes_of(column)] = share", "log_share[self.coding.codes_of(column)] = np.where(share > -np.inf, 0, share)", "test_tabular.py::test_draws_given_conditions_have_the_conditional_distribution"),
    ("skrbm.estimators.common.fitted_table.FittedTable.cell_scores", "scores += X.log_density", "pass", "test_tabular.py::test_cell_scores_are_ratios_of_scores"),
    ("skrbm.estimators.common.fitted_table.FittedTable._averaged", "np.moveaxis(-terms, 0, -1)", "np.moveaxis(terms, 0, -1)", "test_tabular.py::test_cell_scores_of_incomplete_rows_are_averages_over_draws"),
    ("skrbm.estimators.common.fitted_table.FittedTable.probabilities", "codes[:, columns] = -1", "codes[:, columns[:1]] = -1", "test_tabular.py::test_columns_of_a_list_are_predicted_from_the_others"),
    ("skrbm.estimators.rbm.cross_fitting._with_own_codes", "if not isinstance(rows.values, CodedRows):", "if True:", "test_tabular_within.py::test_thresholds_of_tables_hold_for_new_rows"),
    ("skrbm.estimators.rbm.tabular.TabularRBM._check_columns", "if first:  # later, rows are checked with their columns, which may have another order\n            super()._check_columns(X, first=True)", "super()._check_columns(X, first=first)", "test_tabular_rows.py::test_training_continues"),
    ("skrbm.validation.tables.check_cells", "if not allow_missing:", "if False:", "test_tabular_rows.py::test_missing_cells_are_refused_on_request"),
    ("skrbm.estimators.dbn.stack.Stack.fitted", "coding=lowest.coding", "coding=None", "test_tabular_within.py::test_stacks_return_tables"),
    ("skrbm.estimators.rbm.imputer.RBMImputer._filled_table", "chosen_columns(filled, self._kept)", "filled", "test_tabular_within.py::test_imputers_mark_cells_and_drop_columns_without_values"),
    ("skrbm.data.tables._kind", "(frame, name)[used]) == 0", "(frame, name)) == 0", "test_tables.py::test_weights_are_numbers_of_rows"),
    ("skrbm.data.tables._column", "rows[used], is_count", "None, is_count", "test_tables.py::test_weights_are_numbers_of_rows"),
    # Ladders
    ("skrbm.ladder.rung.exchange", "random.accept(forward + reverse, rng)", "random.accept(forward, rng)", "test_ladder.py::test_steps_leave_the_distributions_of_all_models_unchanged"),
    ("skrbm.ladder.rung.exchange", "input=arrays.where(mask, x_upper, lower.input)", "input=lower.input", "test_ladder.py::test_steps_leave_the_distributions_of_all_models_unchanged"),
    ("skrbm.ladder.rung.exchange", "upper.visible = arrays.where(mask, v, w)", "upper.visible = v", "test_ladder.py::test_steps_leave_the_distributions_of_all_models_unchanged"),
    ("skrbm.ladder.rung.Rung.step", "self.model.hidden.draw(self.input, rng)", "self.model.hidden.mean(self.input)", "test_ladder.py::test_steps_leave_the_distributions_of_all_models_unchanged"),
    ("skrbm.ladder.rung.Rung.step", "self.input = self.model.hidden_input(self.visible)", "pass", "test_ladder.py::test_steps_leave_the_distributions_of_all_models_unchanged"),
    ("skrbm.ladder.ladder.Ladder.step", "self.rungs[k].measure(exchange(self.rungs, k, rng))", "pass", "test_ladder.py::test_a_ladder_that_starts_in_one_mode_finds_the_weights_of_both"),
    ("skrbm.ladder.ladder.Ladder.step", "1 + self.n_steps % 2", "1", "test_ladder.py::test_states_arrive_one_model_per_step"),
    ("skrbm.ladder.ladder.Ladder.step", "self.newest.is_new = np.zeros_like(self.newest.is_new)", "pass", "test_ladder.py::test_states_arrive_one_model_per_step"),
    ("skrbm.ladder.ladder.Ladder.renew", "accepted = random.accept(log_weight[n:] - log_weight[:n], rng)[:, None]", "accepted = random.accept(log_weight[n:] * 0, rng)[:, None]", "test_ladder.py::test_renewal_leaves_the_distribution_of_the_chains_unchanged"),
    ("skrbm.ladder.ladder.Ladder.renew", "arrays.where(accepted, x[n:], x[:n])", "x[:n]", "test_ladder.py::test_renewal_leaves_the_distribution_of_the_chains_unchanged"),
    ("skrbm.ladder.ladder.Ladder.renew", "rng.permutation(len(newest.visible))", "np.arange(len(newest.visible))", "test_ladder.py::test_other_chains_propose_each_time"),
    ("skrbm.ladder.ladder.Ladder.renew", "arrays.where(accepted, both[n:], v)", "v", "test_ladder.py::test_chains_move_to_modes_of_the_ladder"),
    ("skrbm.ladder.ladder.Ladder.log_partition", "self.log_partition_at_zero + sum", "sum", "test_ladder.py::test_log_partition_of_some_models_is_within_its_errors"),
    ("skrbm.ladder.ladder.Ladder.std_error", "math.sqrt(sum(rung.variance for rung in self.rungs))", "math.sqrt(sum(rung.variance for rung in self.rungs)) / 200", "test_ladder.py::test_log_partition_of_some_models_is_within_its_errors"),
    ("skrbm.ladder.rung.Rung.measure", "self.log_ratio += share * (ratio - self.log_ratio)", "self.log_ratio += share * (-ratio - self.log_ratio)", "test_ladder.py::test_log_partition_of_some_models_is_within_its_errors"),
    ("skrbm.ladder.ladder.trajectory_log_partition", "    ladder.add(model, rng)\n", "", "test_ladder.py::test_log_partition_of_any_units_is_known"),
    ("skrbm.ladder.ladder.Ladder.log_partition_of", "self._log_weights(model, slice(None))", "-self._log_weights(model, slice(None))", "test_ladder.py::test_log_partition_of_a_close_model_is_known"),
    ("skrbm.ladder.rung.swap_rate", "2 * (n - np.arange(n)) - 1", "2 * (n - np.arange(n))", "test_ladder.py::test_swap_rate_is_the_mean_over_all_pairs"),
    ("skrbm.ladder.rung.swap_rate", "np.exp(log_weight - log_weight.max())", "np.exp(log_weight)", "test_ladder.py::test_swap_rate_is_the_mean_over_all_pairs"),
    ("skrbm.ladder.ladder.Ladder._log_weights", "newest.model.free_energy(v, x) - model.free_energy(v)", "model.free_energy(v) - newest.model.free_energy(v, x)", "test_ladder.py::test_appended_chains_are_drawn_in_proportion_to_their_weights"),
    ("skrbm.ladder.rung.systematic", "rng.random()", "0.5", "test_ladder.py::test_appended_chains_are_drawn_in_proportion_to_their_weights"),
    ("skrbm.ladder.ladder.Ladder.append", "rows = systematic(self._log_weights(model, slice(None)), rng)", "rows = np.arange(len(last.visible))", "test_ladder.py::test_appended_chains_are_drawn_in_proportion_to_their_weights"),
    ("skrbm.ladder.rung.settle", "error**2 * max(1.0, min(time, len(half)))", "1e-9 * error", "test_ladder.py::test_chains_of_an_added_model_are_in_equilibrium"),
    ("skrbm.ladder.rung.Settling.is_close", "self.swap_rate >= _SMALLEST_ACCEPTANCE", "True", "test_ladder.py::test_a_model_without_overlap_is_not_close"),
    ("skrbm.ladder.rung._time", "integrated_autocorrelation_time(x, mean=float(x.mean()))", "integrated_autocorrelation_time(x)", "test_ladder.py::test_chains_that_do_not_renew_are_not_settled"),
    ("skrbm.ladder.ladder.Ladder._remove", "upper.log_ratio += removed.log_ratio", "pass", "test_ladder.py::test_thinned_ladders_keep_log_z_both_ends_and_all_distributions"),
    ("skrbm.ladder.ladder.Ladder.thin", "if 0 < k < len(self.rungs) - 1", "if 0 < k", "test_ladder.py::test_thinned_ladders_keep_log_z_both_ends_and_all_distributions"),
    ("skrbm.ladder.rung.Rung.shares_weights", "self.model.beta is not None", "False", "test_ladder.py::test_thinned_ladders_keep_log_z_both_ends_and_all_distributions"),
    ("skrbm.ladder.rung.halfway", "0.5 * (y - x)", "0.0 * (y - x)", "test_ladder.py::test_refined_ladders_have_models_halfway_and_all_distributions"),
    ("skrbm.ladder.ladder.Ladder.refined", "rungs.append(short.newest)", "rungs.append(replace(short.newest, visible=short.rungs[0].visible, input=short.rungs[0].input))", "test_ladder.py::test_refined_ladders_have_models_halfway_and_all_distributions"),
    ("skrbm.ladder.ladder.Ladder.thin", "max(inner, key", "min(inner, key", "test_ladder.py::test_thinned_ladders_keep_log_z_both_ends_and_all_distributions"),
    ("skrbm.ladder.ladder.Ladder.copy", "[replace(rung) for rung in self.rungs]", "[*self.rungs]", "test_ladder.py::test_copies_move_without_the_ladder"),
    ("skrbm.ladder.rung.Rung.taken", "self.input[rows]", "self.input[rows[::-1]]", "test_ladder.py::test_resampled_ladders_have_other_states_of_the_same_models"),
    # Trajectories
    ("skrbm.likelihood.from_stretches", "math.sqrt(max(variance, least) / n)", "math.sqrt(variance / n / 9)", "test_ladder.py::test_log_partition_is_within_two_standard_errors"),
    ("skrbm.learning.gradients.TrajectoryContrastiveDivergence.phases", "        self.follow(state, v.shape[0])\n", "", "test_gradients.py::test_gradient_of_a_trajectory_is_exact_in_expectation"),
    ("skrbm.ladder.ladder.Ladder.renew", "log_weight[n:] - log_weight[:n]", "0 * log_weight[n:]", "test_gradients.py::test_gradient_of_a_trajectory_is_exact_in_expectation"),
    ("skrbm.learning.gradients.trajectory_of", "if state.trajectory is None:", "if state.history and state.trajectory is None:", "test_trajectory.py::test_fits_of_all_kinds_of_rows"),
    ("skrbm.learning.trajectory.Trajectory._adapt", "factor = _FASTER if self.work_due >= 0 else _SLOWER", "factor = _SLOWER", "test_trajectory.py::test_likelihood_ends_near_the_entropy"),
    ("skrbm.learning.trajectory.Trajectory._adapt", "self.step_factor * factor))", "1.0))", "test_trajectory.py::test_large_steps_are_slowed_down_and_cause_no_doubt"),
    ("skrbm.learning.trajectory.Trajectory._slide", "mean += share * (now - mean)", "mean[...] = now", "test_trajectory.py::test_checkpoints_are_moving_averages"),
    ("skrbm.learning.trajectory.Trajectory._reset", "for model in (rbm, self.average):", "for model in (self.average,):", "test_trajectory.py::test_a_rejected_model_takes_its_steps_back"),
    ("skrbm.learning.trajectory.Trajectory._reset", "self.step_factor / 2", "self.step_factor", "test_trajectory.py::test_a_rejected_model_takes_its_steps_back"),
    ("skrbm.learning.trajectory.Trajectory._reset", "            self.doubts[\"lag\"] = ", "            str(self) and ", "test_trajectory.py::test_models_that_never_settle_are_reported"),
    ("skrbm.learning.trajectory.Trajectory.follow", "if self.work_due >= sweep:", "if True:", "test_trajectory.py::test_the_ladder_costs_as_much_as_the_updates"),
    ("skrbm.learning.trajectory.Trajectory.follow", "return chains_from_visible(rbm, visible[rows], rng)", "return chains", "test_trajectory.py::test_a_rejected_model_takes_its_steps_back"),
    ("skrbm.learning.trajectory.Trajectory._check_drift", "abs(drift) > _LARGEST_DRIFT * error", "False", "test_trajectory.py::test_stuck_chains_are_reported"),
    ("skrbm.learning.trajectory.Trajectory.check_mass", "[first]", "", "test_trajectory.py::test_rows_of_impossible_mass_are_doubted_once"),
    ("skrbm.learning.trajectory.Trajectory.check_mass", "        if not layer.is_finite:\n            return\n", "", "test_trajectory.py::test_rows_of_impossible_mass_are_doubted_once"),
    ("skrbm.learning.trajectory.Trajectory.copy", "doubts=dict(self.doubts)", "doubts=self.doubts", "test_trajectory.py::test_rows_of_impossible_mass_are_doubted_once"),
    ("skrbm.learning.trajectory.Trajectory.check_modes", "if least > known + _N_ERRORS", "if -least > known + _N_ERRORS", "test_trajectory.py::test_a_mode_that_no_earlier_model_has_is_reported"),
    ("skrbm.estimators.rbm.doubts.warn_of_trajectory", "if trajectory.doubts:", "if False:", "test_trajectory.py::test_a_ladder_that_is_left_behind_is_reported"),
    ("skrbm.estimators.rbm.learner.Learner._row_figure", "trajectory.ladder.log_partition_of(rbm).value", "trajectory.ladder.log_partition", "test_trajectory.py::test_the_monitored_figure_is_the_log_likelihood"),
    ("skrbm.estimators.rbm.learner.Learner._row_figure", "values - scaling.log_volume", "values", "test_trajectory.py::test_log_z_of_real_columns_is_known"),
    ("skrbm.estimators.rbm.learner.Learner._train", "state.trajectory.average.map(writable)", "state.trajectory.average", "test_trajectory.py::test_models_mapped_from_a_file_train"),
    ("skrbm.estimators.common.fitted.Fitted.top_states", "            earlier.append(rbm, rng)\n", "", "test_trajectory.py::test_samples_by_the_trajectory_have_the_right_modes"),
    ("skrbm.estimators.rbm.density.DensityRBM.forget_trajectory", "if n_models == 1:", "if False:", "test_trajectory.py::test_a_forgotten_trajectory"),
    ("skrbm.estimators.rbm.density.DensityRBM._figure_of", "LOG_LIKELIHOOD if gradient == \"ptt\" else super()", "super()", "test_trajectory.py::test_fits_of_all_kinds_of_rows"),
    ("skrbm.learning.train_state.TrainState.__getstate__", "self.trajectory.copy() if self.trajectory else None", "None", "test_trajectory.py::test_equal_seeds_give_equal_fits_and_copies"),
    ("skrbm.learning.train_state.TrainState.move", "self.trajectory.move(place)", "pass", "test_torch.py::test_models_do_not_depend_on_the_device_of_their_fit"),
    ("skrbm.learning.loop.Loop.mini_batches", "plan.rate(progress) * state.step_factor", "plan.rate(progress)", "test_trajectory.py::test_models_that_never_settle_are_reported"),
    ("skrbm.validation.parameters.check_trajectory", "and not known", "and False", "test_trajectory.py::test_a_model_without_trajectory_refuses_its_methods"),
    ("skrbm.distributed.estimator._check_supported", "if rbm.gradient == \"ptt\":", "if False:", "test_distributed.py::test_refuses_estimators_and_data_that_a_cluster_cannot_fit"),
    # Deep Boltzmann machines
    # Shared filters
    ("skrbm.weights.shared.Shared._of_windows", ".swapaxes(2, 3).swapaxes(3, 5).swapaxes(4, 5)", ".swapaxes(2, 3).swapaxes(3, 5)", "test_weights.py::test_shared_filters_are_correlated_with_every_channel_of_a_picture"),
    ("skrbm.weights.shared.Shared._by_place", ".swapaxes(4, 5).swapaxes(3, 5).swapaxes(2, 3)", ".swapaxes(3, 5).swapaxes(2, 3)", "test_weights.py::test_input_is_a_product_in_both_directions"),
    ("skrbm.weights.shared.Shared.accumulate", " * (1 / self.windows.n_places)", "", "test_weights.py::test_products_accumulate_within_the_structure"),
    ("skrbm.weights.shared.Shared.offset", "by_channel.mean(0)", "by_channel.mean()", "test_weights.py::test_the_offset_of_shared_filters_has_the_same_input_at_every_place"),
    ("skrbm.weights.shared.Shared._mean_over_places", ".mean(0)[:, None]", ".sum(0)[:, None]", "test_weights.py::test_arithmetic_equals_dense_arithmetic"),
    ("skrbm.learning.optimizer.CentredOptimizer.apply", "rbm.weights.offset(arrays.lerp(m, data_v, self.sliding_factor))", "arrays.lerp(m, data_v, self.sliding_factor)", "test_shared.py::test_training_keeps_an_offset_with_the_same_input_at_every_place"),
    ("skrbm.learning.step_statistics.Growth.absorbed", "self.hidden - self.weights.input(m)", "self.hidden", "test_shared.py::test_a_step_is_the_gradient_of_the_shared_parameters"),
    ("skrbm.units.pooled.Pooled.preconditioned", "gradient * devices.like(sizes[self.groups], gradient)", "gradient", "test_shared.py::test_a_step_is_the_gradient_of_the_shared_parameters"),
    ("skrbm.units.pooled.Pooled._at", "reached & ~before", "reached", "test_units.py::test_draws_have_the_mean_and_variance_of_the_distribution"),
    ("skrbm.units.pooled.Pooled._logits", "0 * logits[..., :1]", "logits[..., :1]", "test_units.py::test_log_normalizer_is_the_sum_over_states"),
    ("skrbm._kernels.arrays.softmax_and_zero", "np.exp(-largest)", "0 * largest", "test_units.py::test_mean_is_the_derivative_of_the_log_normalizer"),
    ("skrbm._kernels.arrays.group_means", " / sizes, x)", ", x)", "test_units.py::test_biases_are_inputs"),
    ("skrbm.model.RBM.couple", "hidden.add_to_bias(-from_visible)", "hidden.add_to_bias(from_visible)", "test_model.py::test_coupling_keeps_the_units_at_the_mean_of_the_other_layer"),
    ("skrbm.estimators.common.fitted.Fitted.features", "net.top.hidden.activations(means[-1])", "means[-1]", "test_convolutional.py::test_results_have_the_columns_of_blocks_and_of_detectors"),
    ("skrbm.explain.units._exact_log_ratios", "rbm.hidden.in_units(h != 0)", "h != 0", "test_convolutional.py::test_the_importance_of_a_block_is_the_loss_without_it"),
    ("skrbm.validation.pictures.check_shared_bias", "new.add_to_bias(bias - hidden.bias)", "new = hidden.with_bias(bias)", "test_convolutional.py::test_assigned_parameters_are_the_same_at_all_places"),
    ("skrbm.plotting.filters.FiltersDisplay.from_estimator", "lowest.filters_ if is_shared else field.cropped(patterns)", "field.cropped(patterns)", "test_convolutional.py::test_every_filter_is_shown_once"),
    ("skrbm.estimators.rbm.pictures.HiddenStructure.binary_units", "if self.field is None or not self.shared", "if self.field is not None", "test_convolutional.py::test_a_moved_picture_has_moved_features"),
    ("skrbm.units.pooled.Pooled.from_activations", " / self.size", "", "test_convolutional.py::test_rows_are_reconstructed_from_blocks"),
    ("skrbm.estimators.rbm.trimming.untrimmed", "        receptive_field=None,\n        shared=False,\n        pooling=1,\n", "", "test_convolutional.py::test_outliers_of_pictures_have_rare_parts"),
    ("skrbm.data.scaling.Standardized.alike", "mean.mean(), scale", "mean, scale", "test_convolutional.py::test_features_are_probabilities_of_blocks"),
    ("skrbm.estimators.rbm.gaussian.GaussianBernoulliRBM._variance_gradient", "self.shared or self.variance", "self.variance", "test_convolutional.py::test_units_of_the_data_do_not_matter"),
    ("skrbm.weights.blocks.Blocks.input", "total[..., block.hidden] += block", "total[..., block.hidden] = block", "test_weights.py::test_input_is_a_product_in_both_directions"),
    ("skrbm.weights.blocks.Blocks.T", "Block(hidden, visible, w.T)", "Block(visible, hidden, w.T)", "test_weights.py::test_input_is_a_product_in_both_directions"),
    ("skrbm.weights.blocks.Blocks.accumulate", "h[:, block.hidden]", "0 * h[:, block.hidden]", "test_weights.py::test_products_accumulate_within_the_structure"),
    ("skrbm.weights.blocks.Blocks.row_dots", "total[block.visible] += block", "total[block.visible] = block", "test_weights.py::test_arithmetic_equals_dense_arithmetic"),
    ("skrbm.weights.blocks.Blocks.scale_rows", "factor[block.visible]", "factor[: block.visible.stop - block.visible.start]", "test_weights.py::test_arithmetic_equals_dense_arithmetic"),
    ("skrbm.weights.blocks._overlap", "slice(first - own.start, last - own.start)", "slice(0, last - first)", "test_weights.py::test_a_part_has_the_weights_of_some_columns"),
    ("skrbm.weights.dense.Dense.T", "self.array.T", "self.array.T.copy()", "test_weights.py::test_transposed_weights_share_memory"),
    ("skrbm.weights.base.Weights.add", "w += growth", "w = w + growth", "test_weights.py::test_arithmetic_equals_dense_arithmetic"),
    ("skrbm.learning.optimizer.CentredOptimizer.statistics", "if not rbm.weights.is_complete:", "if False:", "test_receptive_fields.py::test_a_step_is_the_masked_step_of_a_dense_model"),
    ("skrbm.learning.optimizer.CentredOptimizer.statistics", "in_biases = (m, k) if rbm.weights.is_complete else (0 * m, 0 * k)", "in_biases = (m, k)", "test_receptive_fields.py::test_a_step_is_the_masked_step_of_a_dense_model"),
    ("skrbm.learning.step_statistics.Growth.absorbed", "self.hidden - self.weights.input(m)", "self.hidden", "test_receptive_fields.py::test_a_step_is_the_masked_step_of_a_dense_model"),
    ("skrbm.deep.belief_net.Conditional.climb", "error.sum(0) - growth.input(offset)", "error.sum(0)", "test_receptive_fields.py::test_a_step_of_a_conditional_is_a_masked_step"),
    ("skrbm.deep.belief_net.Conditional.climb", "if self.weights.is_complete:", "if True:", "test_receptive_fields.py::test_a_step_of_a_conditional_is_a_masked_step"),
    ("skrbm.weights.blocks.Blocks.is_complete", "n_weights == math.prod(self.shape)", "True", "test_weights.py::test_complete_weights_can_be_any_matrix"),
    ("skrbm.weights.local.TransposedLocal.row_dots", "(inside * self.array * other.array)", "(self.array * other.array)", "test_weights.py::test_arithmetic_equals_dense_arithmetic"),
    ("skrbm.weights.local.TransposedLocal._of_rows", "x.reshape(len(self.array), 1, -1)", "x.reshape(1, 1, -1)[..., : self.array.shape[2]]", "test_weights.py::test_arithmetic_equals_dense_arithmetic"),
    ("skrbm._kernels.windows.Windows.__getstate__", "{\"columns\": self.columns, \"n_columns\": self.n_columns}", "vars(self)", "test_receptive_fields.py::test_use_does_not_change_a_pickle"),
    ("skrbm._kernels.windows.add_products", "        w += products", "        w[...] = products", "test_windows.py::test_blocks_of_rows_do_not_change_products"),
    ("skrbm.data.pictures.ReceptiveField._starts", "np.append(np.arange(0, last, step), last)", "np.arange(0, last + 1, step)", "test_receptive_fields.py::test_windows_are_rectangles_of_pixels"),
    ("skrbm.data.pictures.ReceptiveField.windows", "np.nonzero(seen[:, owner])", "np.nonzero(seen[:, np.sort(owner)])", "test_receptive_fields.py::test_windows_of_a_table_have_all_codes_of_their_pixels"),
    ("skrbm.data.pictures.ReceptiveField.cropped", "self.features[place]", "self.features[0 * place]", "test_plotting.py::test_local_filters_are_windows"),
    ("skrbm.plotting.filters.FiltersDisplay.plot", "images.swapaxes(3, 4).reshape", "images.reshape", "test_plotting.py::test_local_filters_are_windows"),
    ("skrbm.estimators.rbm.learner.Learner.start", "n_seen, n_seeing = start.fan or shape", "n_seen, n_seeing = shape", "test_receptive_fields.py::test_initial_weights_depend_on_the_window"),
    ("skrbm.estimators.rbm.settings.Settings.prior", "share * n_independent", "n_independent", "test_receptive_fields.py::test_automatic_parameters_count_pixels_of_a_window"),
    ("skrbm.estimators.rbm.density.DensityRBM._n_seeing", "self._structure.share", "1.0", "test_receptive_fields.py::test_automatic_parameters_count_pixels_of_a_window"),
    ("skrbm.estimators.rbm.gaussian.GaussianBernoulliRBM._whitening", "has_field or ", "", "test_receptive_fields.py::test_a_full_covariance_matrix_is_refused"),
    ("skrbm.estimators.rbm.settings.Settings.check_sizes", "check_picture(self.field, n_features)", "pass", "test_receptive_fields.py::test_mistakes_are_refused_before_work"),
    ("skrbm.estimators.rbm.tabular._coding", "check_picture(field, X.shape[1])", "pass", "test_receptive_fields.py::test_mistakes_are_refused_before_work"),
    ("skrbm.validation.pictures.check_receptive_field", "numbers[0] <= height and numbers[1] <= width", "True", "test_receptive_fields.py::test_mistakes_are_refused_before_work"),
    ("skrbm.validation.pictures.check_local", "if not np.allclose(inside.dense, new.array, rtol=1e-5, atol=0):", "if False:", "test_receptive_fields.py::test_assigned_components_must_be_local"),
    ("skrbm.deep.arrangement.Arrangement.weights", "if i % 2 == 0 else", "if True else", "test_boltzmann_machine.py::test_energy_couples_adjacent_layers"),
    ("skrbm.deep.arrangement.Arrangement.columns", "slice(stop - n, stop)", "slice(0, n)", "test_boltzmann_machine.py::test_energy_couples_adjacent_layers"),
    ("skrbm.deep.arrangement.Arrangement.only", "[nan[0], states, nan[1]]", "[nan[1], states, nan[0]]", "test_boltzmann_machine.py::test_one_layer_of_many_is_clamped"),
    ("skrbm.deep.mean_field.lower_bounds", " - of_inputs", "", "test_boltzmann_machine.py::test_bound_is_below_the_likelihood_and_close"),
    ("skrbm.deep.mean_field.lower_bounds", "devices.float64(layer.log_normalizers(u)), -layer.energies(x)", "-layer.energies(x), -layer.energies(x)", "test_boltzmann_machine.py::test_bound_is_below_the_likelihood_and_close"),
    ("skrbm.deep.mean_field.lower_bounds", "layer.in_units(free)", "0 * layer.in_units(free) > 0", "test_boltzmann_machine.py::test_missing_values_are_part_of_the_bound"),
    ("skrbm.deep.mean_field.MeanField._iterate", "arrays.where(done[:, None], means, new)", "new", "test_boltzmann_machine.py::test_rows_do_not_depend_on_other_rows"),
    ("skrbm.deep.mean_field.MeanField._iterate", "n_moved == 0", "n_moved < 0", "test_boltzmann_machine.py::test_posterior_is_a_fixed_point_of_the_conditional_means"),
    ("skrbm.deep.mean_field._Upper.hidden_input", "self.below + self.weights.input(latent)", "self.below", "test_boltzmann_machine.py::test_posterior_is_a_fixed_point_of_the_conditional_means"),
    ("skrbm.deep.mean_field.MeanField.draw", "upper.layer.draw(upper.input(hidden), rng)", "upper.layer.mean(upper.input(hidden))", "test_boltzmann_machine.py::test_latent_units_are_drawn_from_their_posterior"),
    ("skrbm.learning.latent_gradient.LatentGradient.phases", "hidden = rbm.hidden.sample(phases.data_hidden, rng)", "hidden = phases.data_hidden", "test_boltzmann_machine.py::test_data_phase_averages_the_latent_units_given_draws_by_row"),
    ("skrbm.learning.latent_gradient.LatentGradient.phases", "arrays.append_columns(v, self.mean_field.means_given(rbm, hidden))", "arrays.append_columns(v, latent)", "test_boltzmann_machine.py::test_data_phase_averages_the_latent_units_given_draws_by_row"),
    ("skrbm.learning.latent_gradient.LatentGradient.phases", "rbm.visible_from_hidden(drawn), drawn, model.weights", "model.visible, drawn, model.weights", "test_boltzmann_machine.py::test_independent_upper_units_have_no_gradient"),
    ("skrbm.estimators.dbn.machine_settings._upper_weights", "scale = 1 / (math.sqrt(n_lower) + math.sqrt(n_upper))", "scale = 1.0", "test_boltzmann_machine.py::test_random_weights_between_hidden_layers_are_small"),
    ("skrbm.estimators.dbn.growth.grow", "weights / np.linalg.norm(weights, 2)", "weights", "test_boltzmann_machine.py::test_a_new_layer_hardly_changes_the_distribution"),
    ("skrbm.deep.arrangement.Arrangement.grown", "sides[1 - own].add_to_bias(-from_top)", "pass", "test_boltzmann_machine.py::test_a_new_layer_hardly_changes_the_distribution"),
    ("skrbm.deep.arrangement.Arrangement.grown", "top.bias - offset[below] @ weights", "top.bias", "test_boltzmann_machine.py::test_a_new_layer_hardly_changes_the_distribution"),
    ("skrbm.estimators.dbn.growth.grow", "        grown.chains = _continued(state, model)\n", "        pass\n", "test_boltzmann_machine.py::test_a_new_layer_hardly_changes_the_distribution"),
    ("skrbm.estimators.dbn.growth.trained_above", "sample_weight=rows.weights[some]", "sample_weight=rows.weights", "test_boltzmann_machine.py::test_pretraining_reads_some_rows_of_any_source"),
    ("skrbm.estimators.dbn.growth.trained_above", "upper.fit(means, sample_weight=rows.weights[some])", "upper.set_params(n_iter=0).fit(means)", "test_boltzmann_machine.py::test_new_weights_point_along_dependent_units"),
    ("skrbm.estimators.dbn.boltzmann_machine.DeepBoltzmannMachine._settings", "rate=_JOINT_SHARE * settings.rate", "rate=settings.rate", "test_boltzmann_machine.py::test_joint_training_makes_smaller_steps"),
    ("skrbm.estimators.dbn.boltzmann_machine.DeepBoltzmannMachine.partial_fit", "        while self._later:\n            self._grow(rows)\n", "", "test_boltzmann_machine.py::test_partial_fit_adds_the_layers_of_an_interrupted_fit"),
    ("skrbm.estimators.dbn.boltzmann_machine.DeepBoltzmannMachine._settings", "(len(sizes) > 1 or not self._later)", "len(sizes) > 1", "test_boltzmann_machine.py::test_pretraining_is_left_out_if_not_wanted"),
    ("skrbm.estimators.common.fitted_machine.FittedMachine.upward_layers", "weights[i] @ means[i + 1] if i < len(weights) else 0", "0", "test_boltzmann_machine.py::test_one_pass_upwards_approximates_the_mean_field"),
    ("skrbm.estimators.common.fitted_machine.FittedMachine.lower_bounds", "values + X.values.log_density.sum(axis=1)", "values", "test_boltzmann_machine.py::test_one_layer_of_a_table_is_the_tabular_rbm"),
    ("skrbm.estimators.common.fitted_table.FittedTable._conditioned", "np.append(input, np.zeros(n_absent))", "np.append(np.zeros(n_absent), input)", "test_boltzmann_machine.py::test_a_machine_of_a_table_draws_and_fills_tables"),
    ("skrbm.estimators.common.fitted_machine.FittedMachine.lower_bounds", "values + self.fitted.scaling.log_volume_of(np.isnan(to_host(X.values[:])))", "values", "test_boltzmann_machine.py::test_missing_real_values_are_scored_in_the_units_of_the_data"),
    ("skrbm.estimators.common.fitted_machine.FittedMachine._of_data", "visible[:, : self.arrangement.sizes[0]]", "visible[:, -self.arrangement.sizes[0] :]", "test_boltzmann_machine.py::test_gibbs_keeps_the_distribution"),
    ("skrbm.estimators.common.fitted_machine.FittedMachine.gibbs", ".sample(means, rng)", ".sample(0 * means, rng)", "test_boltzmann_machine.py::test_chains_start_at_draws_of_the_mean_field"),
    ("skrbm.estimators.common.fitted.Fitted._present", "v.shape[1] - self.n_absent", "v.shape[1] - self.n_label_columns", "test_boltzmann_machine.py::test_samples_have_the_distribution_of_the_model"),
    ("skrbm.deep.arrangement.Arrangement.blocks", "w if i % 2 == 0 else w.T", "w.T if i % 2 == 0 else w", "test_boltzmann_machine.py::test_weights_outside_the_blocks_stay_zero_in_training"),
    ("skrbm.estimators.dbn.boltzmann_machine.DeepBoltzmannMachine._lower_bound", " - self.log_partition_.value", "", "test_boltzmann_machine.py::test_scores_are_bounds_on_the_enumerated_likelihood"),
    ("skrbm.estimators.dbn.boltzmann_machine.DeepBoltzmannMachine.partial_fit", "        if first:\n", "        if True:\n", "test_boltzmann_machine.py::test_partial_fit_continues"),
    ("skrbm.learning.completion.Completion.filled", "self.states[chains[incomplete], : x.shape[1]]", "self.states[chains[incomplete], -x.shape[1] :]", "test_boltzmann_machine.py::test_missing_values_are_trained_around"),
    ("skrbm.units.gaussian.Gaussian.energies", "devices.float64(state - self.mean(0.0)) ** 2", "(state - self.mean(0.0)) ** 2", "test_units.py::test_energies_of_units_are_sums_in_double_precision"),
    ("skrbm.units.bernoulli.Bernoulli.energies", "-devices.float64(state) * devices.float64(self.bias)", "-state * self.bias", "test_units.py::test_energies_of_units_are_sums_in_double_precision"),
    ("skrbm.units.gaussian.Gaussian.energies", "devices.float64(state - self.mean(0.0)) ** 2", "(state - self.mean(0.0)) ** 2", "test_boltzmann_machine.py::test_bounds_of_huge_values_do_not_overflow"),
    ("skrbm.conditionals._estimated", "if n < _N_TEMPERATURES and len(doubtful) > 0:", "if False:", "test_conditionals.py::test_marginals_with_large_errors_are_annealed_slowly"),
    ("skrbm.conditionals._estimated", "devices.to_host(error) > _LARGEST_ERROR", "devices.to_host(error) > 1", "test_conditionals.py::test_marginals_with_large_errors_are_annealed_slowly"),
    ("skrbm.conditionals._annealed", "of_visible + hidden.log_normalizer(0.0)", "of_visible + rbm.hidden.log_normalizer(0.0)", "test_conditionals.py::test_marginals_are_sums_over_free_units"),
]  # fmt: skip

Mutation = tuple[str, str, str, str]


@functools.cache
def parsed(path: Path) -> tuple[str, ast.Module]:
    """Return the text of a file and its syntax tree."""
    text = path.read_text(encoding="utf-8")
    return text, ast.parse(text)


def places(name: str) -> tuple[Path, list[slice]]:
    """Return the file with an object, and the lines of every definition of that name in it."""
    parts, n = name.split("."), 1
    while (ROOT.joinpath(*parts[:n]) / parts[n]).is_dir():
        n += 1
    path = ROOT.joinpath(*parts[: n + 1]).with_suffix(".py")
    nodes: list[Any] = [parsed(path)[1]]
    if len(parts) == n + 1:
        return path, [slice(None)]
    for part in parts[n + 1 :]:
        inner = [child for node in nodes for child in _definitions(node)]
        nodes = [node for node in inner if node.name == part]
    return path, [slice(node.lineno - 1, node.end_lineno) for node in nodes]


def _definitions(node: ast.AST) -> list[ast.FunctionDef | ast.ClassDef]:
    """Return the functions and classes directly inside a node, those under `if` or `with` too."""
    found = []
    for child in ast.iter_child_nodes(node):
        is_one = isinstance(child, ast.FunctionDef | ast.ClassDef)
        found += [child] if is_one else _definitions(child)
    return found


def mutated(mutation: Mutation) -> tuple[Path, str]:
    """Return the file to change and its text with the mistake; raise ValueError if it has moved."""
    name, old, new, _ = mutation
    path, found = places(name)
    lines = parsed(path)[0].splitlines(keepends=True)
    found = [place for place in found if old in "".join(lines[place])]
    if len(found) != 1 or "".join(lines[found[0]]).count(old) != 1:
        msg = f"{name} does not contain {old!r} exactly once."
        raise ValueError(msg)
    lines[found[0]] = ["".join(lines[found[0]]).replace(old, new)]
    return path, "".join(lines)


def has_test(mutation: Mutation) -> bool:
    """Return whether the test that must fail exists."""
    file, name = mutation[3].split("::")
    path = ROOT / "tests" / file
    return path.exists() and name in {node.name for node in parsed(path)[1].body if _is_test(node)}


def is_slow(mutation: Mutation) -> bool:
    """Return whether the test, or its whole file, is marked `slow`."""
    file, name = mutation[3].split("::")
    text, tree = parsed(ROOT / "tests" / file)
    test = next(node for node in tree.body if _is_test(node) and node.name == name)
    marks = map(functools.partial(ast.get_source_segment, text), test.decorator_list)
    return "pytest.mark.slow" in marks or "\npytestmark = pytest.mark.slow\n" in text


def _is_test(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name.startswith("test_")


def sample(n: int, seed: int) -> list[Mutation]:
    """Return n mistakes whose tests are quick and do without torch, drawn from the list."""
    others = [mutation for mutation in MUTATIONS if "test_torch.py" not in mutation[3]]
    quick = [mutation for mutation in others if not is_slow(mutation)]
    return random.Random(seed).sample(quick, n)


def survives(mutation: Mutation) -> bool:
    """Make one mistake in a copy and return whether the test passes all the same."""
    path, text = mutated(mutation)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in ("skrbm", "tests"):
            shutil.copytree(
                ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__", "*.so")
            )
        shutil.copy(ROOT / "pyproject.toml", copy)
        (copy / path.relative_to(ROOT)).write_text(text, encoding="utf-8")
        options = ["-n0", "-q", "-x", "-p", "no:cacheprovider", "-m", "slow or not slow"]
        command = [sys.executable, "-m", "pytest", *options, f"tests/{mutation[3]}"]
        environment = os.environ | {"PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        environment = {k: v for k, v in environment.items() if not k.startswith("PYTEST_")}
        run = {"cwd": copy, "env": environment, "capture_output": True, "check": False}
        try:
            done = subprocess.run(command, timeout=300, **run)
        except subprocess.TimeoutExpired:
            return False  # a test that never ends is noticed
        if done.returncode not in (0, 1):
            raise RuntimeError(done.stdout.decode() + done.stderr.decode())
        return done.returncode == 0


# (file of compiled code, a text that occurs once in it, the mistake in its place). The tests of
# compiled code must fail.
COMPILED = [
    (
        "loops_of_real.h",
        "copy[term * step + i] = b[term * term_step + i * column_step];",
        "copy[term * step + i] = b[term * term_step + i];",
    ),
    ("loops_of_real.h", "x = x > limit ? limit : x;", ""),
    ("loops_of_real.h", "return x < -limit ? -limit : x;", "return x;"),
    ("loops_of_real.h", "padded = (n + LANES - 1) / LANES * LANES", "padded = n / LANES * LANES"),
    ("loops_of_real.h", "sum += weights[i] * (double)x[i];", ""),
    ("loops_of_real.h", "for (; i < n; i++) product *= 1 + (double)x[i];", ""),
    ("loops_of_real.h", "positive[i] = (z + distance) / 2;", "positive[i] = 0;"),
    (
        "loops_of_real.h",
        "start + TERMS < n_terms ? TERMS : n_terms - start",
        "TERMS < n_terms ? TERMS : n_terms",
    ),
    (
        "loops_of_real.h",
        "(1 + odds[i]) * ((REAL)bits[i] + (REAL)shift) < 65536",
        "(1 + odds[i]) * (REAL)bits[i] < 65536",
    ),
    ("loops_of_real.h", "draws.bits + first * n + start", "draws.bits + first * n"),
    ("loops_of_real.h", "(REAL)noise[i] / ROOT(precision[i])", "(REAL)noise[i]"),
    ("loops_of_real.h", "chosen += states[i] <= *u * total", "chosen += states[i] < *u"),
    ("loops_of_real.h", "total += log(sum) + largest;", "total += log(sum);"),
    (
        "loops_of_real.h",
        "(double)((bias[i] + x[i] / 2) / precision[i])",
        "(double)((bias[i] + x[i]) / precision[i])",
    ),
    ("loops_of_real.h", "total += log(NAME(product)(minus_on, width));", ""),
    (
        "loops_of_real.h",
        "covariance[i] += mass * (of_label[i] - expected[i])",
        "covariance[i] += mass * of_label[i]",
    ),
    ("loops_of_real.h", "row < n_data ? share : 0", "share"),
    (
        "loops_of_real.h",
        "second[i] += share * deviation * deviation;",
        "second[i] += share * deviation;",
    ),
    ("loops_of_real.h", "> (REAL)1e-20 ? z : (REAL)0", "> (REAL)1e-2 ? z : (REAL)0"),
    ("loops_of_real.h", "variance += shares[row] / total", "variance += shares[row]"),
    (
        "loops_of_real.h",
        "how.share * (1 + (how.is_shared ? total / n : scratch[i])) - 1",
        "how.share * (1 + scratch[i]) - 1",
    ),
    ("loops_of_real.h", "hidden_bias[j] += moved * w[j];", ""),
    ("loops.h", "first = (quadrant + 1) & 2 ? -first : first;", ""),
    (
        "windows_of_real.h",
        "memset(columns + i * step + n_rows, 0, (step - n_rows) * sizeof(REAL));",
        ";",
    ),
    ("windows_of_real.h", "for (; unit < p->n_units; unit++)", "for (; 0;)"),
    ("windows_of_real.h", "memset(columns + p->n_columns * step, 0, step * sizeof(REAL));", ""),
    ("windows_of_real.h", "row + block < n_rows ? block : n_rows - row", "block"),
    (
        "windows_of_real.h",
        "first = __builtin_shufflevector(part[0], part[1], 0, 4, 1, 5) +",
        "first = __builtin_shufflevector(part[0], part[1], 0, 4, 0, 4) +",
    ),
    (
        "windows_of_real.h",
        "else if (step == 4 * LANES) TILES_OF(tile, v, w, h, 4)",
        "else if (step == 4 * LANES) TILES_OF(tile, v, w, h, 3)",
    ),
    (
        "_windows.pyx",
        "multiply(INPUT, np.ascontiguousarray(v), w, h, columns, n_columns)",
        "multiply(INPUT, v, w, h, columns, n_columns)",
    ),
    ("windows.py", "all(x.dtype == w.dtype for x in rows)", "True"),
    ("_model.pyx", "REDRAWN_UNITS / self.n_hidden", "0.0"),
    ("_model.pyx", "doubles(cumulative)[middle] <= u", "doubles(cumulative)[middle] < 0.5 * u"),
    ("_model.pyx", "draws.bits += self.n_hidden", "pass"),
    ("_model.pyx", "min(0.0, of_proposed[i] - present[i])", "0.0"),
    ("_model.pyx", "ratios[i] -= ", "ratios[i] -= 0 * "),
    (
        "_model.pyx",
        "if cnp.PyArray_TYPE(rows) != self.dtype or not cnp.PyArray_IS_C_CONTIGUOUS(rows):",
        "if False:",
    ),
    ("_update.pyx", "-self.generative_share / n_model", "-1.0 / n_model"),
    ("_update.pyx", "(self.generative_share - 1) *", "-1 *"),
    ("_update.pyx", "self.joint.count_jumps(state, jumping, n, n_accepted)", "pass"),
    ("_update.pyx", "return rows[self.shares[rows] < 0]", "return rows"),
    ("_update.pyx", "max(of_model, SHARE_OF_DATA * of_data)", "of_model"),
    ("_update.pyx", "self.model = None  # the common variance", "pass  # the common variance"),
    ("_update.pyx", "h, mean = h.copy(), model.empty", "h, mean = h, model.empty"),
]


def compiled_survives(file: str, old: str, new: str) -> bool:
    """Make a mistake in compiled code of a copy and return whether all its tests pass."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in ("skrbm", "tests"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, copy)
        (path,) = (copy / "skrbm").rglob(file)
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        environment = os.environ | {"PYTHONPATH": folder, "SKRBM_REQUIRE_COMPILED": "1"}
        run = {"cwd": copy, "env": environment, "capture_output": True}
        subprocess.run([sys.executable, "setup.py", "build_ext", "--inplace"], check=True, **run)
        command = [sys.executable, "-m", "pytest", "-n0", "-q", "-x"]
        command += ["tests/test_compiled.py", "tests/test_windows.py"]
        return subprocess.run(command, check=False, **run).returncode == 0


def main() -> int:
    """Return the number of mistakes that no test noticed."""
    for mutation in MUTATIONS:
        mutated(mutation)
    unnoticed = 0
    words = sys.argv[1:] or [""]
    for mutation in MUTATIONS:
        name, _, _, test = mutation
        if not any(word in name + test for word in words):
            continue
        alive = survives(mutation)
        unnoticed += alive
        print("UNNOTICED" if alive else "noticed  ", name, "->", test, flush=True)
    for mutation in COMPILED:
        if any(word in "".join(mutation) for word in words):
            alive = compiled_survives(*mutation)
            unnoticed += alive
            print("UNNOTICED" if alive else "noticed  ", *mutation, flush=True)
    return unnoticed


if __name__ == "__main__":
    sys.exit(main())
