"""See the laws fail: `python tests/mutations.py` makes one mistake at a time and runs its test.

Each mistake is made in a copy of the package. A test that passes nevertheless is reported, and the
exit status is the number of mistakes that went unnoticed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent

# (module, what it says, what it is made to say, test that must fail)
MUTATIONS = [
    # Kernels
    ("_kernels", "z += 1\n    return np.reciprocal", "z += 1.001\n    return np.reciprocal", "test_kernels.py::test_logistic_is_exact_in_both_tails"),
    ("_kernels", "tail += np.maximum(x, 0)", "pass", "test_kernels.py::test_softplus_is_log_of_one_plus_exp"),
    ("_kernels", "        if len(factors) % 2:\n            folded[0] *= factors[-1]\n", "", "test_kernels.py::test_pairwise_sum_softplus_equals_softplus_of_sums"),
    ("_kernels", '"float32": 40.0', '"float32": 340.0', "test_kernels.py::test_pairwise_sum_softplus_equals_softplus_of_sums"),
    ("_kernels", "    c += added", "    c = c + added", "test_kernels.py::test_addmm_adds_a_product_in_place"),
    ("_kernels", "np.less(_uniform(states.shape, rng), states", "np.greater(_uniform(states.shape, rng), states", "test_kernels.py::test_bernoulli_draws_have_their_probability"),
    ("_kernels", "_FINITE_EXPONENT = 80.0", "_FINITE_EXPONENT = 1e9", "test_kernels.py::test_sum_softplus_is_the_sum"),
    ("_kernels", "return sum_float64(terms)", "return terms.sum(axis=-1).astype(np.float64)", "test_kernels.py::test_sum_softplus_is_the_sum"),
    ("units", "return state @ (base.bias - self.bias)", "return state @ (self.bias - base.bias)", "test_units.py::test_energy_above_a_base_is_the_difference"),
    ("_kernels", "    third += distance * (3 * second + spread)\n", "", "test_kernels.py::test_column_moments_are_those_of_all_rows"),
    ("_kernels", "u = np.subtract(x[start : start + n], first, dtype=np.float64)", "u = x[start : start + n] - 0 * first", "test_kernels.py::test_column_moments_are_those_of_all_rows"),
    # Law 1
    ("units", "_kernels.sum_softplus(input + self.bias)", "_kernels.sum_softplus(input + 0 * self.bias)", "test_units.py::test_log_normalizer_is_the_sum_over_states"),
    ("units", "_kernels.logistic(input, self.bias)", "_kernels.logistic(input, 0 * self.bias)", "test_units.py::test_mean_is_the_derivative_of_the_log_normalizer"),
    ("units", "return -_kernels.row_dot(state, self.bias)", "return _kernels.row_dot(state, self.bias)", "test_units.py::test_energy_is_minus_the_log_density"),
    ("units", "(x + self.bias, y)", "(x + self.bias, y + self.bias)", "test_units.py::test_pairwise_log_normalizer_is_that_of_the_summed_inputs"),
    ("units", "_kernels.bernoulli(mean, rng)", "_kernels.bernoulli(1 - mean, rng)", "test_units.py::test_sample_has_the_mean_and_variance_of_the_distribution"),
    ("units", "base.bias + beta * (self.bias - base.bias)", "self.bias + beta * (base.bias - self.bias)", "test_units.py::test_interpolation_is_linear_in_the_energy"),
    # Law 2
    ("model", "return self.visible.energy(v) + self.hidden.energy(h) - coupling", "return self.visible.energy(v) + self.hidden.energy(h) + coupling", "test_model.py::test_energy_is_minus_the_log_joint"),
    ("model", "return self.visible.energy(v) - self.hidden", "return -self.hidden", "test_model.py::test_free_energy_sums_out_the_hidden_units"),
    ("model", "return RBM(self.hidden, self.visible, self.weights.T, self.beta)", "return RBM(self.visible, self.hidden, self.weights.T, self.beta)", "test_model.py::test_log_partition_is_the_same_from_both_sides"),
    ("model", "return x if self.beta is None else self.beta * x", "return x", "test_model.py::test_interpolated_energy_lies_between_base_and_model"),
    # Law 3
    ("gradients", "return v, rbm.hidden_from_visible(v), probability", "return v, rbm.hidden_from_visible(v), 0 * probability + 1 / len(v)", "test_gradients.py::test_exact_gradient_is_the_slope_of_the_log_likelihood"),
    # Law 4
    ("samplers", "hidden = chains.hidden\n", "hidden = chains.hidden_mean\n", "test_samplers.py::test_gibbs_leaves_the_joint_distribution_unchanged"),
    ("samplers", "v = rbm.sample_visible(rbm.sample_hidden(v, rng), rng)", "v = rbm.sample_visible(rbm.hidden_from_visible(v), rng)", "test_samplers.py::test_gibbs_from_visible_states_leaves_the_marginal_unchanged"),
    ("samplers", "    log_ratio -= proposal.log_density(layer, both)\n", "", "test_samplers.py::test_jumps_leave_the_distribution_unchanged"),
    ("samplers", "x[chains][accepted] = jumping[accepted]", "x[: len(accepted)][accepted] = jumping[accepted]", "test_samplers.py::test_only_the_chosen_chains_jump"),
    ("samplers", "pair[accepted] = pair[accepted][:, ::-1]", "pass", "test_samplers.py::test_tempering_visits_both_modes"),
    ("samplers", "_kernels.accept(log_ratio, rng)", "_kernels.accept(0.3 * log_ratio, rng)", "test_samplers.py::test_tempering_leaves_every_replica_s_distribution_unchanged"),
    ("samplers", "self._adapt()", "pass", "test_samplers.py::test_ladder_adapts_to_equal_rejection"),
    ("samplers", "min(barrier[-1], _LARGEST_REJECTION * len(self.rejection))", "barrier[-1]", "test_samplers.py::test_ladder_ends_above_zero_where_it_is_too_short"),
    ("diagnostics", "2 * np.cumsum", "np.cumsum", "test_diagnostics.py::test_autocorrelation_time_of_autoregressive_chains"),
    ("diagnostics", "np.hstack([x[:n], x[n : 2 * n]])", "x", "test_diagnostics.py::test_r_hat_sees_chains_that_differ_and_chains_that_drift"),
    # Law 5
    ("gradients", "rbm.hidden.broadened(mean, _REDRAWN_UNITS / rbm.hidden.n_units), weights", "0 * mean + 0.5, weights", "test_gradients.py::test_jumps_are_proposed_by_the_last_mini_batch"),
    ("gradients", "rbm.hidden_from_visible(model_v))\n        return", "rbm.hidden_from_visible(0 * model_v))\n        return", "test_gradients.py::test_sparse_rows_have_the_gradient_of_the_same_rows"),
    ("gradients", "rbm.hidden_from_visible(both)", "rbm.hidden_from_visible(both)[::-1]", "test_gradients.py::test_persistent_gradient_is_exact_in_expectation"),
    ("gradients", "samplers.gibbs(rbm, self.chains.hidden, rng, self.n_steps - 1)", "samplers.gibbs(rbm, 0 * self.chains.hidden, rng, self.n_steps - 1)", "test_gradients.py::test_persistent_chains_go_on_where_they_were"),
    ("gradients", "samplers.gibbs(rbm, rbm.hidden.sample(mean, rng), rng, self.n_steps)", "samplers.gibbs(rbm, rbm.hidden.sample(mean, rng), rng, 1)", "test_gradients.py::test_contrastive_divergence_approaches_the_exact_gradient_with_its_steps"),
    # Law 6
    ("gradients", "(weights / weights.sum())", "(weights / 10)", "test_gradients.py::test_doubled_weights_and_doubled_rows_change_no_gradient"),
    ("gradients", "(weights / weights.sum())", "(weights / 7)", "test_rbm.py::test_mini_batches_of_any_size_do_not_shift_the_fixed_point"),
    ("training", "v, weights, self.rng)", "v, 0 * weights + 1, self.rng)", "test_rbm.py::test_weight_two_is_the_row_given_twice"),
    # The step
    ("optimizers", "return x, weights - x @ k", "return x, weights", "test_optimizers.py::test_step_is_a_gradient_step_of_the_centred_parameters"),
    ("optimizers", "of_visible, 1 - scaled @ m)", "of_visible, 1 + 0 * (scaled @ m))", "test_optimizers.py::test_flipping_every_bit_changes_nothing_that_is_learnt"),
    ("optimizers", "x = _kernels.rows(x, sparse_x.sum(axis=0, keepdims=True))", "x = _kernels.rows(x, 0 * sparse_x[:1])", "test_optimizers.py::test_sparse_rows_make_the_same_step"),
    ("optimizers", "return offset * (abs(offset) > _VANISHED)", "return offset", "test_optimizers.py::test_offset_of_a_column_without_ones_vanishes"),
    ("optimizers", "weights[:n_data] @ v[:n_data], weights", "-weights[n_data:] @ v[n_data : len(weights)], weights", "test_optimizers.py::test_offsets_follow_the_data_and_not_the_model"),
    # Law 7 and log Z
    ("annealing", "return float(self.base.log_normalizer(0.0) + hidden.log_normalizer(0.0))", "return float(self.base.log_normalizer(0.0))", "test_likelihood.py::test_annealing_without_weights_is_exact"),
    ("annealing", "v = current.sample_visible(", "v = path.rbm.sample_visible(", "test_likelihood.py::test_annealing_is_right_within_its_standard_error"),
    ("annealing", "+ 1e-300) ** 0.5", "+ 1e-300)", "test_likelihood.py::test_temperatures_go_where_the_divergence_is"),
    ("annealing", "reverse.var(axis=0)) / 2, lag)", "reverse.var(axis=0)) / 2, 0 * lag)", "test_likelihood.py::test_temperatures_go_where_the_divergence_is"),
    ("annealing", "return ratio, variance**0.5", "return ratio, 2 * variance**0.5", "test_likelihood.py::test_bennett_s_estimate_and_its_error"),
    ("annealing", "_kernels.logistic(ratio, reverse)\n        return", "_kernels.logistic(-ratio, -reverse)\n        return", "test_likelihood.py::test_bennett_s_estimate_and_its_error"),
    ("annealing", "_kernels.rows(share, -equal)[order]", "_kernels.rows(0 * share + equal[0], -equal)[order]", "test_likelihood.py::test_weights_of_both_directions_agree_in_equilibrium"),
    ("likelihood", "disagreement(forward, reverse) > _LARGEST_DISAGREEMENT", "False", "test_likelihood.py::test_directions_that_contradict_each_other_are_told"),
    ("samplers", "betas = _kernels.rows(self.betas, 0 * self.betas[:1])", "betas = _kernels.rows(self.betas, self.betas[-1:])", "test_likelihood.py::test_a_ladder_that_ends_above_zero_is_as_good"),
    ("inference", "ladder = deepcopy(self.tempering_)", "ladder = self.tempering_", "test_inference.py::test_brackets_of_other_gradients"),
    ("likelihood", "std_error = math.sqrt(variance / _N_STRETCHES)", "std_error = math.sqrt(variance) / 30", "test_likelihood.py::test_annealing_is_right_within_its_standard_error"),
    ("likelihood", "self.effective_sample_size < _SMALLEST_SAMPLE", "False", "test_likelihood.py::test_forward_annealing_tells_where_few_chains_count"),
    ("likelihood", "wide = self.std_error > _LARGEST_ERROR", "wide = False", "test_likelihood.py::test_forward_annealing_tells_where_few_chains_count"),
    ("likelihood", "lower = min(low.value, value - margin)", "lower = value - std_error", "test_likelihood.py::test_brackets_hold_the_exact_value_and_tell_what_to_doubt"),
    ("likelihood", "range(0, n_outer, _OUTER_STATES)", "range(0, n_outer, _OUTER_STATES // 2)", "test_likelihood.py::test_exact_log_partition_in_several_tasks"),
    ("likelihood", "- unit.energy(other) - here", "- here", "test_likelihood.py::test_pseudo_log_likelihood_is_the_sum_of_exact_conditionals"),
    ("likelihood", "total * (n_visible / n_flips)", "total", "test_likelihood.py::test_pseudo_log_likelihood_from_some_columns_is_unbiased"),
    ("annealing", "enumerate(pairwise(models))", "enumerate(pairwise(reversed(list(models))))", "test_likelihood.py::test_annealing_in_reverse_is_right_within_its_standard_error"),
    # Law 8
    ("optimizers", "c += of_hidden @ x", "c -= of_hidden @ x", "test_rbm.py::test_likelihood_rises_and_ends_near_the_entropy"),
    # Law 9
    ("units", "_kernels.log((total + 1) / (n_rows - total + 1))", "_kernels.log(total / (n_rows - total))", "test_rbm.py::test_extreme_data_give_finite_models"),
    ("_kernels", "tail = np.asarray(np.abs(x))\n    np.negative(tail, out=tail)\n    np.exp(tail, out=tail)\n    np.log1p(tail, out=tail)\n    tail += np.maximum(x, 0)\n    return tail", "return np.log1p(np.exp(x))", "test_rbm.py::test_weights_times_a_hundred_stay_finite"),
    # Draws and blocks
    ("_kernels", "int(bits[-1]) % 256 / 256", "0", "test_kernels.py::test_bernoulli_draws_have_their_probability"),
    ("_kernels", "rng.spawn(len(starts))", "[rng] * len(starts)", "test_kernels.py::test_draws_by_rows_do_not_depend_on_the_number_of_threads"),
    ("_kernels", "rng.spawn(len(starts))", "[generator(start) for start in starts]", "test_kernels.py::test_draws_by_rows_are_independent"),
    ("_kernels", "y = y.astype(np.float64, copy=False)", "pass", "test_kernels.py::test_row_dot_is_summed_in_float64"),
    ("_kernels", "if not _in_threads.acquire(blocking=False):", "if not _in_threads.acquire(blocking=False) and False:", "test_kernels.py::test_threads_of_products_come_back_after_two_callers_at_a_time"),
    ("annealing", "if lowest - highest > _LARGEST_GAP:", "if False:", "test_likelihood.py::test_directions_too_far_apart_to_tell"),
    ("likelihood", "share = 1.0 if variance <= expected else expected / variance", "share = expected / max(variance, 1e-300)", "test_likelihood.py::test_annealing_without_weights_is_exact"),
    ("_kernels", "results[0][rows] = block", "results[0][: len(block)] = block", "test_kernels.py::test_work_by_rows_is_the_work"),
    ("_kernels", "of_blocks[:, 1].max()", "of_blocks[0, 1]", "test_kernels.py::test_bounds_are_those_of_all_rows"),
    # Training
    ("units", "return (u < values).astype(values.dtype)", "return values", "test_training.py::test_grey_values_are_probabilities"),
    ("stopping", "zip(rbm.parameters, self.seen.best, strict=False)", "()", "test_stopping.py::test_training_ends_when_nothing_improves_and_the_best_is_restored"),
    ("stopping", "if score > seen.best_score + self.tol:", "if score > seen.best_score:", "test_stopping.py::test_an_improvement_below_tol_does_not_count"),
    ("stopping", "self._mean(rbm, self.validation, self.score)", "self._mean(rbm, self.training, self.score)", "test_stopping.py::test_the_score_is_the_pseudo_log_likelihood_of_the_rows_kept_apart"),
    # Rows of files
    ("row_access", "            rng.shuffle(rows)\n", "", "test_row_access.py::test_all_orders_of_blocks_and_of_rows_in_a_group_are_equally_likely"),
    ("row_access", "blocks = rng.permutation(-(-n_rows // block_rows))", "blocks = np.arange(-(-n_rows // block_rows))", "test_row_access.py::test_all_orders_of_blocks_and_of_rows_in_a_group_are_equally_likely"),
    ("row_access", "            self.place_of_block[self.block_at[place]] = -1", "            pass", "test_row_access.py::test_rows_are_those_that_were_asked_for"),
    ("row_access", "rows=self.rows[rows])", "rows=rows)", "test_row_access.py::test_rows_are_those_that_were_asked_for"),
    ("row_access", "        x[held] = buffer.values[at[held]]\n", "        held[:] = False\n", "test_row_access.py::test_a_sweep_visits_every_row_and_reads_every_block_once"),
    ("row_access", "return X[rows] if sparse.issparse(X) else ChosenRows(X, rows)", "return X[rows]", "test_row_access.py::test_fit_never_holds_what_the_data_are_again"),
    ("row_access", "if self.limits is None else", "if True else", "test_row_access.py::test_values_of_a_file_outside_the_domain_are_clipped_as_they_are_taken"),
    ("row_access", "    while isinstance(base, np.ndarray):\n", "    if isinstance(base, np.ndarray):\n", "test_row_access.py::test_what_stays_in_a_file"),
    ("row_access", "or X.nbytes <= BUFFER_BYTES:", "or False:", "test_row_access.py::test_a_small_file_is_as_good_as_memory"),
    ("training", "shuffled(X, self.order) if plan.shuffle", "self.order.permutation(n_rows) if plan.shuffle", "test_row_access.py::test_a_fit_reads_a_file_once_a_sweep"),
    ("training", "shuffled(X, self.order) if plan.shuffle", "shuffled(X, self.order) if True", "test_row_access.py::test_a_file_is_read_in_its_order_by_partial_fit"),
    ("rbm_classifier", "rows = access(validation.check_rows(self, X, \"X\", self._domain))", "rows = validation.check_rows(self, X, \"X\", self._domain)", "test_row_access.py::test_a_file_makes_the_model_that_its_rows_make_in_the_same_order"),
    ("trained", "            train.sort()\n", "", "test_row_access.py::test_rows_to_train_on_are_in_the_order_of_the_file"),
    ("validation", "    _, high = _column_bounds(X)\n", "    high = np.where(np.isnan(X).all(axis=0), np.nan, 0)\n", "test_row_access.py::test_missing_values_need_no_mask_of_all_data"),
    ("_kernels", "        first = np.isnan(x).argmin(axis=0)\n", "        first = 0 * np.isnan(x).argmin(axis=0)\n", "test_kernels.py::test_column_moments_of_what_is_not_missing"),
    # Gaussian units
    ("units", "response = self.mean(input / 2)", "response = self.mean(input)", "test_units.py::test_log_normalizer_is_the_sum_over_states"),
    ("units", "noise *= self.precision**-0.5", "noise *= self.precision**-1.0", "test_units.py::test_sample_has_the_mean_and_variance_of_the_distribution"),
    ("units", "self.log_normalizer(y) - self._log_volume()", "self.log_normalizer(y)", "test_units.py::test_pairwise_log_normalizer_is_that_of_the_summed_inputs"),
    ("units", "base.precision + beta * (self.precision - base.precision),", "self.precision + 0 * beta,", "test_units.py::test_interpolation_is_linear_in_the_energy"),
    ("units", "return gradient * self.precision", "return gradient", "test_optimizers.py::test_gaussian_step_is_preconditioned_by_the_precision"),
    ("units", "range(1, _MOST_NODES + 1)", "()", "test_likelihood.py::test_quadrature_finds_all_modes_of_a_column"),
    ("units", "range(1, _MOST_NODES + 1)", "range(1, 10**9)", "test_likelihood.py::test_quadrature_ends_where_rounding_keeps_its_nodes_apart_from_nothing"),
    ("optimizers", "            excess -= 1", "            pass", "test_optimizers.py::test_variances_follow_the_slope_of_their_logarithm"),
    ("optimizers", "- 2 * explained / precision", "- 0 * explained", "test_optimizers.py::test_variances_follow_the_slope_of_their_logarithm"),
    ("optimizers", "spread = spread + (slope", "spread = spread + 0 * (slope", "test_optimizers.py::test_steps_are_as_long_as_allowed"),
    ("optimizers", "_SHARE_OF_DATA * of_data", "of_model", "test_hopfield.py::test_couplings_are_learnt_at_any_rate"),
    ("optimizers", ".clip(max=1 / self.floor)", "", "test_optimizers.py::test_variances_stay_above_their_floor"),
    ("optimizers", "variance_share * (1 + excess) - 1", "excess", "test_optimizers.py::test_variances_rise_from_a_share_of_what_is_unexplained"),
    ("coordinates", "np.where(third_moment < 0, -scale, scale)", "scale + 0 * third_moment", "test_gaussian.py::test_units_of_the_data_do_not_matter"),
    ("coordinates", "column_moments(X, weights)", "column_moments(X, 0 * weights + 1)", "test_gaussian.py::test_weight_two_is_the_row_given_twice"),
    ("coordinates", "self.scale.astype(np.float64) ** 2 / precision", "self.scale**2 * precision", "test_gaussian.py::test_variance_as_asked"),
    ("gaussian_rbm", "self._standardized = coordinates", "self._standardized = Standardized(2 * coordinates.location, 2 * coordinates.scale)", "test_gaussian.py::test_first_call_of_partial_fit_fixes_the_units"),
    ("units", "return cls(mean, 0 * mean + 1)", "return cls(mean, 0 * mean + 2)", "test_hopfield.py::test_marginal_is_that_of_the_pairwise_model"),
    ("units", "noise *= self.precision**-0.5", "noise *= 0", "test_hopfield.py::test_samples_follow_the_pairwise_model"),
    ("units", "noise *= self.precision**-0.5", "noise *= 0", "test_gaussian.py::test_samples_have_the_model_s_moments"),
    ("recipes", "rate=lambda n_components: 2.0", "rate=lambda n_components: 1e-6", "test_hopfield.py::test_patterns_are_recalled"),
    ("_kernels", "(np.sin, draws", "(np.cos, draws", "test_kernels.py::test_normal_draws_have_their_distribution"),
    ("coordinates", "u /= self.scale", "u /= abs(self.scale).max()", "test_gaussian.py::test_columns_of_all_scales"),
    ("inference", "result = result.shifted(self._coordinates.log_volume)", "pass", "test_gaussian.py::test_densities_integrate_to_one"),
    ("inference", "n_flips, rng) - log_volume", "n_flips, rng)", "test_gaussian.py::test_pseudo_log_likelihood_is_in_the_units_of_the_data"),
    ("fitting", "rbm, v, n, rng) - log_volume", "rbm, v, n, rng)", "test_gaussian.py::test_early_stopping_scores_in_the_units_of_the_data"),
    ("coordinates", "return rbm.hidden.bias - (self.location / self.scale) @ rbm.weights", "return rbm.hidden.bias", "test_gaussian.py::test_scores_are_the_log_density_of_a_mixture"),
    ("recipes", "    largest_step=5.0,\n", "", "test_hopfield.py::test_couplings_are_learnt_at_any_rate"),
    # The estimator
    ("trained", "return not (self.warm_start", "return True or not (self.warm_start", "test_stopping.py::test_warm_start_goes_on"),
    ("inference", "return -self._free_energies(rows) - self.log_partition_.value", "return -self._free_energies(rows)", "test_rbm.py::test_probabilities_sum_to_one_for_the_parameters_as_they_are"),
    ("inference", "            self._sampling_rng,\n", "            self._training.rng,\n", "test_rbm.py::test_reading_methods_leave_the_chains_and_the_training_alone"),
    ("inference", "self._log_partitions.get(self._parameters_hash())", "next(iter(self._log_partitions.values()), None)", "test_rbm.py::test_probabilities_sum_to_one_for_the_parameters_as_they_are"),
    ("inference", "self.log_partition() if known is None else known", "self.log_partition()", "test_rbm.py::test_score_is_remembered_until_the_next_fit"),
    ("inference", "self._log_partitions = {self._parameters_hash(): result}", "self._log_partitions = {}", "test_inference.py::test_scores_use_the_log_partition_that_was_computed_last"),
    ("inference", 'if method == "tempering":', "if False:", "test_inference.py::test_tempered_samples_are_in_all_modes"),
    ("trained", "self._model().map(_writable)", "self._model()", "test_rbm.py::test_training_goes_on_from_parameters_of_any_layout"),
    ("training", "rate * share / n_updates", "rate", "test_rbm.py::test_weights_count_across_mini_batches"),
    ("fitting", "        if first:\n            self._start(X, weights)", "        self._start(X, weights)", "test_rbm.py::test_stream_of_calls_equals_one_call"),
    ("validation", "if len(outside) == 0:", "if False:", "test_rbm.py::test_rows_of_weight_zero_are_not_there"),
    ("validation", "used = np.flatnonzero(weights)", "used = np.arange(len(weights))", "test_rbm.py::test_rows_of_weight_zero_are_not_there"),
    ("validation", "return rows.clip(*limits)", "return rows", "test_validation.py::test_huge_data_stay_finite"),
    ("samplers", "if step % _STEPS_BETWEEN_JUMPS:", "if True:", "test_samplers.py::test_chains_that_jump_leave_the_distribution_unchanged_and_cross"),
    ("samplers", "v = rbm.visible.draw(x, rng)\n    return v", "v = rbm.visible.draw(0 * x, rng)\n    return v", "test_samplers.py::test_chains_that_jump_leave_the_distribution_unchanged_and_cross"),
    ("inference", 'if method == "auto" and', 'if method == "gibbs" and', "test_inference.py::test_samples_of_jumping_chains_have_the_weights_of_the_modes"),
    # Stacks
    ("belief_net", "return log_weight - self.layer.log_normalizer(input)", "return log_weight - self.layer.log_normalizer(0 * input)", "test_belief_net.py::test_conditional_log_probability_is_normalised_and_has_the_input"),
    ("belief_net", "bias += error.sum(axis=0) - offset @ growth", "bias += error.sum(axis=0)", "test_belief_net.py::test_climbing_follows_the_slope_of_the_log_probability"),
    ("belief_net", "offset = shares @ x", "offset = x.mean(axis=0)", "test_belief_net.py::test_climbing_follows_the_slope_of_the_log_probability"),
    ("belief_net", "total -= recognition.log_probability(upper, lower)", "pass", "test_belief_net.py::test_log_ratio_is_that_of_the_joint_states"),
    ("belief_net", " - self.top.free_energy(states[-1])", "", "test_belief_net.py::test_log_ratio_is_that_of_the_joint_states"),
    ("belief_net", "uniform_by_content(x, rng, mean.shape[1])", "uniform(mean.shape, rng)", "test_belief_net.py::test_draws_by_content_do_not_depend_on_the_other_rows"),
    ("belief_net", "return conditional.layer.from_data(mean, u)", "return conditional.layer.from_data(mean, u * u)", "test_belief_net.py::test_mean_log_ratio_is_the_bound"),
    ("belief_net", "return states[::-1]", "return [self.generation[0].mean(states[-2])]", "test_belief_net.py::test_samples_come_from_the_net"),
    ("belief_net", "samplers.gibbs_visible(self.top, x, rng, n_steps), rng)[0]", "x, rng)[0]", "test_belief_net.py::test_gibbs_goes_up_along_the_top_and_down"),
    ("belief_net", "Conditional(self.layer.map(_kernels.copy), _kernels.copy(self.weights))", "Conditional(self.layer, self.weights)", "test_belief_net.py::test_copies_share_nothing"),
    ("up_down", "recognition.climb(upper, lower, shares, pace.rate)", "pass", "test_belief_net.py::test_each_part_of_a_net_learns_what_it_is_there_for"),
    ("up_down", "generation.climb(lower, upper, shares, pace.rate)", "pass", "test_belief_net.py::test_each_part_of_a_net_learns_what_it_is_there_for"),
    ("up_down", "pairwise(asleep)", "pairwise(awake)", "test_belief_net.py::test_each_part_of_a_net_learns_what_it_is_there_for"),
    ("up_down", "self.optimizer.step(model.top, phases, *pace)", "pass", "test_belief_net.py::test_each_part_of_a_net_learns_what_it_is_there_for"),
    ("up_down", "weights / weights.sum()", "1 / len(weights) + 0 * weights", "test_belief_net.py::test_up_down_counts_rows_by_their_weights"),
    ("dbn", "return net.means(to_model(rows))[-1]", "return net.means(to_model(rows))[0]", "test_dbn.py::test_activations_that_do_not_fit_into_memory_are_computed_as_they_are_taken"),
    ("dbn", "net.up(to_model(rows), draw)[-1]", "net.means(to_model(rows))[-2]", "test_dbn.py::test_samples_as_activations_train_the_third_layer_only"),
    ("dbn", "return _kernels.by_rows(infer, X)", "return _kernels.by_rows(infer, X)[::-1]", "test_dbn.py::test_each_layer_is_trained_on_the_one_below"),
    ("dbn", "like = below.swap()", "pass", "test_dbn.py::test_transposed_start_leaves_the_likelihood_as_it_was"),
    ("dbn", "n_binary == below.visible.log2_states < math.inf", "rbm.n_components == below.visible.n_units", "test_dbn.py::test_transposed_start_is_for_layers_that_match"),
    ("dbn", "            self._fine_tune(self._up_down, rows, weights, 1, constant, shuffle=False)\n            return self\n", "            pass\n", "test_dbn.py::test_partial_fit_goes_on_with_up_down"),
    ("dbn", "rbm._go_on(self._activations(self.rbms_[:i], rows, self._training_rng), weights)", "rbm._go_on(self._activations(self.rbms_[:i], rows[:1], self._training_rng), weights[:1])", "test_dbn.py::test_partial_fit_is_that_of_every_layer_in_turn"),
    ("belief_inference", "shift += self._coordinates.log_volume", "pass", "test_dbn.py::test_gaussian_layer_scores_in_the_units_of_the_data"),
    ("belief_inference", "if len(self.rbms_) > 1:", "if len(self.rbms_) > 0:", "test_dbn.py::test_one_layer_scores_as_the_rbm_that_it_is"),
    ("belief_inference", "top = H[:, -net.top.hidden.n_units :]", "top = H[:, : net.top.hidden.n_units]", "test_dbn.py::test_all_layers_are_the_means_one_after_the_other"),
    ("belief_inference", "_kernels.dense(v), drawn", "v, drawn", "test_dbn.py::test_sparse_rows_are_the_same_rows"),
    ("fine_tuned", "mlp.coefs_[i][...] = weights", "pass", "test_fine_tuned.py::test_the_perceptron_starts_as_the_recognition"),
    ("fine_tuned", "v = dbn._coordinates.to_model(rows if used.all() else rows[used])", "v = rows[used]", "test_fine_tuned.py::test_standardized_data_reach_the_perceptron"),
    ("fine_tuned", "labelled = y != _UNLABELLED", "pass", "test_fine_tuned.py::test_minus_one_says_that_a_row_has_no_label"),
    ("fine_tuned", "dbn.fit(rows, sample_weight=sample_weight)", "dbn.fit(rows[used])", "test_fine_tuned.py::test_minus_one_says_that_a_row_has_no_label"),
    ("fine_tuned", "len(np.unique(y)) > 2", "True", "test_fine_tuned.py::test_two_labels_of_any_type_are_two_classes"),
    ("fine_tuned", "mlp.validation_scores_, mlp.best_validation_score_, mlp.best_loss_ = [], -math.inf, None", "pass", "test_fine_tuned.py::test_early_stopping_is_scikit_learns"),
    ("fine_tuned", "rate * (1 - sweep / n_sweeps)", "rate", "test_fine_tuned.py::test_steps_fall_to_zero"),
    ("fine_tuned", "validation.check_columns(part, X, reset=True)", "pass", "test_fine_tuned.py::test_frames_and_sparse_rows"),
    ("belief_net", "rate = min(rate, 1 / (self.layer.curvature * max(1.0, norm)))", "pass", "test_belief_net.py::test_no_step_leads_down"),
    ("units", "        return 0.25", "        return 0.01", "test_belief_net.py::test_no_step_leads_down"),
    ("dbn", "self._activations(rbms[:i], apart, None)", "self._activations(rbms[:i], apart, rng)", "test_dbn.py::test_early_stopping_sees_the_same_rows_in_every_sweep"),
    ("dbn", "np.size(self.hidden_layer_sizes)", "2", "test_dbn.py::test_prototypes_are_those_of_their_layers"),
    ("dbn", "split=split and rbm.early_stopping", "split=rbm.early_stopping", "test_dbn.py::test_prototypes_are_those_of_their_layers"),
    ("fine_tuned", "sizes = [rbm._n_features_out for rbm in dbn.rbms_]", "pass", "test_fine_tuned.py::test_a_frozen_stack_is_copied_and_knows_its_columns"),
    ("fine_tuned", "dbn = deepcopy(given)", "dbn = given", "test_fine_tuned.py::test_a_frozen_stack_is_copied_and_knows_its_columns"),
    ("fine_tuned", 'y.dtype.kind in "if"', 'y.dtype.kind in "i"', "test_fine_tuned.py::test_missing_labels_are_so_in_every_type_of_number"),
    ("fine_tuned", "raise KeyboardInterrupt from None", "pass", "test_fine_tuned.py::test_an_interrupt_is_one"),
    ("belief_net", "rate = min(rate, 1 / (self.layer.curvature * max(1.0, norm)))", "pass", "test_dbn.py::test_up_down_is_stable_where_all_columns_depend_on_one"),
    ("up_down", "shares = (weights / weights.sum()).astype(model.weights.dtype)", "shares = weights.astype(model.weights.dtype)\n        shares /= shares.sum()", "test_dbn.py::test_up_down_takes_mini_batches_of_hardly_any_weight"),
    ("_kernels", "np.fmod(x @ projection, 2.0**32)", "(x @ projection)", "test_dbn.py::test_rows_far_from_all_others_have_a_score"),
    ("dbn", "        self._untied = net.recognition, net.generation  # which change in place\n", "", "test_dbn.py::test_an_interrupted_up_down_leaves_what_it_reached"),
    ("dbn", "self._up_down = _up_down(rbms[-1], rng)", "self._up_down = _up_down(rbms[0], rng)", "test_dbn.py::test_up_down_raises_the_bound_on_held_out_digits"),
    ("dbn", "rbm.set_params(n_components=size, verbose=rbm.verbose or self.verbose)", "rbm.set_params(n_components=size)", "test_dbn.py::test_progress_names_the_layer"),
    ("dbn", "prototypes[-1] = self.top_rbm", "pass", "test_dbn.py::test_a_gaussian_code_ends_a_stack"),
    ("dbn", "self._start_layer(rbms, i, seen, weights)\n        title", "self._start_layer(rbms, i, seen, 0 * weights + 1)\n        title", "test_dbn.py::test_a_row_of_weight_two_is_that_row_given_twice"),
    ("belief_inference", "drawn_by_content(_kernels.generator(seed))", "drawn_by_content(_kernels.generator(int(abs(v).sum())))", "test_dbn.py::test_scores_do_not_change_from_call_to_call_or_with_other_rows"),
    ("belief_inference", "draws(net.down(x, rng)[0])", "draws(net.down(1 - x, rng)[0])", "test_dbn.py::test_samples_look_like_the_data"),
    ("fine_tuned", "mlp.n_iter_ = n_sweeps", "pass", "test_fine_tuned.py::test_steps_fall_to_zero"),
    ("fine_tuned", "    mlp.set_params(**own)\n", "", "test_fine_tuned.py::test_a_batch_solver_goes_on_from_the_stack"),
    ("stopping", "min(X.shape[0], self.validation.shape[0])", "X.shape[0]", "test_stopping.py::test_the_score_is_the_pseudo_log_likelihood_of_the_rows_kept_apart"),
    # Displays and descriptions
    ("explain", "importance = ratio + [_added", "importance = 0 * ratio + [_added", "test_explain.py::test_importance_is_what_the_log_likelihood_loses_without_the_unit"),
    ("explain", "log_weight[h[:, j] == 0]", "log_weight[h[:, j] == 1]", "test_explain.py::test_importance_is_what_the_log_likelihood_loses_without_the_unit"),
    ("explain", "log_weight - _added(rbm, x, j)", "log_weight + _added(rbm, x, j)", "test_explain.py::test_importance_is_what_the_log_likelihood_loses_without_the_unit"),
    ("explain", "log_weight[h[:, j] == 0]", "log_weight[h[:, 0] == 0]", "test_explain.py::test_log_z_falls_by_the_log_probability_that_the_unit_is_off"),
    ("explain", "rbm.hidden.part(unit).log_normalizer(x[:, unit])", "_kernels.sum_softplus(x[:, unit] + rbm.hidden.bias[unit])", "test_explain.py::test_importance_of_gaussian_hidden_units"),
    ("explain", "estimator._by_rows(rbm.hidden_input, rows)", "rbm.hidden_input(rows)", "test_explain.py::test_importance_under_gaussian_visible_units"),
    ("explain", 'estimator._sample_states(n_samples, _N_STEPS, "auto", rng)', 'estimator._sample_states(n_samples, 0, "auto", rng)', "test_explain.py::test_importance_from_samples_is_exact_within_its_error"),
    ("explain", "    ratio, std_error, sample = np.array(without).T\n", "    ratio, std_error, sample = np.array(without).T\n    std_error = std_error * n_samples**0.5\n", "test_explain.py::test_importance_from_samples_is_exact_within_its_error"),
    ("explain", "rng = _kernels.generator(seed)", "rng = estimator._sampling_rng", "test_explain.py::test_importance_stays_the_same_and_leaves_the_estimator_alone"),
    ("explain", "min(ratio.effective_sample_size, n_silent)", "ratio.effective_sample_size", "test_explain.py::test_units_that_samples_do_not_tell_are_told"),
    ("explain", "order=np.argsort(-importance", "order=np.argsort(importance", "test_explain.py::test_order_has_the_most_important_unit_first"),
    ("explain", 'np.argsort(-x, axis=0, kind="stable")[:n_rows].T', 'np.argsort(x, axis=0, kind="stable")[::-1][:n_rows].T', "test_explain.py::test_most_activating_rows_are_those_with_the_largest_means"),
    ("explain", "np.argsort(-x, axis=0", "np.argsort(-activation, axis=0", "test_explain.py::test_rows_are_told_apart_where_units_are_rounded_to_one"),
    ("explain", "_DEAD = 0.01", "_DEAD = 0.03", "test_explain.py::test_saturated_and_dead_units"),
    ("explain", "dead=activation.std(axis=0, dtype=np.float64) < _DEAD", "dead=rbm.hidden.saturated(mean)", "test_explain.py::test_saturated_and_dead_units"),
    ("explain", 'validation.check_instance("estimator", estimator, RBMEstimator, RBMS)', "pass", "test_explain.py::test_what_cannot_be_described_is_refused"),
    ("explain", ", maximum=rows.shape[0]", "", "test_explain.py::test_what_cannot_be_described_is_refused"),
    ("explain", "    check_is_fitted(estimator)\n", "", "test_explain.py::test_models_that_are_not_fitted_are_refused"),
    ("explain", "conditional.weights for conditional in net.generation", "conditional.weights.T for conditional in net.recognition", "test_explain.py::test_filters_of_a_stack_are_what_its_layers_generate_linearly"),
    ("explain", "estimator._coordinates.patterns(RBM(net.visible, net.top.hidden, weights))", "weights.T", "test_explain.py::test_filters_of_a_stack_are_what_its_layers_generate_linearly"),
    ("explain", "net.top.weights.T]", "net.top.weights]", "test_explain.py::test_filters_of_one_layer_are_its_components"),
    ("explain", "minimum=0, maximum=n_layers - 1", "minimum=-n_layers, maximum=n_layers - 1", "test_explain.py::test_layers_that_are_not_there_are_refused"),
    ("explain", "** 2 / variance", "** 2", "test_explain.py::test_strength_is_a_divergence_of_gaussian_units"),
    ("explain", "np.sqrt((patterns", "0.3 * np.sqrt((patterns", "test_explain.py::test_strength_bounds_the_divergence_of_binary_units"),
    ("plotting", "cells.transpose(0, 2, 1, 3)", "cells.transpose(0, 3, 1, 2)", "test_plotting.py::test_filters_are_drawn_as_they_are_stored"),
    ("plotting", '"RdBu_r", -limit, limit', '"RdBu_r", mosaic.min(), mosaic.max()', "test_plotting.py::test_filters_are_drawn_as_they_are_stored"),
    ("plotting", "constant_values=np.nan", "constant_values=0", "test_plotting.py::test_filters_are_drawn_as_they_are_stored"),
    ("plotting", "filters(estimator, layer)", "filters(estimator, 0)", "test_plotting.py::test_filters_of_a_higher_layer"),
    ("plotting", 'np.argsort(-strength(estimator, layer), kind="stable")', 'np.argsort(strength(estimator, layer), kind="stable")', "test_plotting.py::test_filters_come_in_the_order_that_is_asked_for"),
    ("plotting", "describe(estimator, X, n_rows=1).order", "np.argsort(-strength(estimator, layer))", "test_plotting.py::test_filters_come_in_the_order_that_is_asked_for"),
    ("plotting", " or 1.0\n", "\n", "test_plotting.py::test_filters_may_be_oblong_and_zero"),
    ("validation", "if not pair or math.prod(numbers) != n_features", "if not pair", "test_plotting.py::test_columns_that_make_no_image_are_refused"),
    ("plotting", "plot(sweeps, history[self.figure]", 'plot(sweeps, history["learning_rate"]', "test_plotting.py::test_training_is_drawn_as_it_was_recorded"),
    ("plotting", 'history["validation_score"], linestyle', 'history["free_energy_gap"], linestyle', "test_plotting.py::test_training_is_drawn_as_it_was_recorded"),
    ("plotting", '        names += ["up-down"]', '        histories = histories[: len(trained)]\n            names += ["up-down"]', "test_plotting.py::test_training_of_a_stack_has_a_line_a_layer"),
    ("plotting", "figure = trained[0]._training.figure", 'figure = "pseudo_log_likelihood"', "test_plotting.py::test_training_of_a_classifier_is_the_likelihood_of_its_labels"),
    ("plotting", "if len(axes) != n:", "if len(axes) > n:", "test_plotting.py::test_one_axes_is_not_enough_for_two"),
    ("plotting", "rng, step - before)", "rng, step)", "test_plotting.py::test_chains_start_at_rows_and_are_those_of_gibbs"),
    ("plotting", "net.up(coordinates.to_model(rows),", "net.up(rows,", "test_plotting.py::test_chains_start_at_rows_and_are_those_of_gibbs"),
    ("plotting", "unmoved = rows if step == 0 else None", "unmoved = None", "test_plotting.py::test_chains_start_at_rows_and_are_those_of_gibbs"),
    ("plotting", 'x = top._sample_states(n_chains, 0, "gibbs", rng)', "x = samplers.independent(top._base, n_chains, rng)", "test_plotting.py::test_chains_without_rows_are_those_of_sample"),
    ("plotting", "estimator._rng(random_state)", "estimator._sampling_rng", "test_plotting.py::test_a_seed_fixes_the_chains_and_leaves_the_estimator_alone"),
    ("plotting", "xticks=np.arange(len(self.n_steps)) * (width + 1)", "xticks=np.arange(len(self.n_steps)) * width", "test_plotting.py::test_chains_are_rows_and_steps_are_columns"),
    ("plotting", "if domain is validation.REAL_LINE:", "if True:", "test_plotting.py::test_chains_are_rows_and_steps_are_columns"),
    ("validation", " or steps != sorted(steps)", "", "test_plotting.py::test_steps_that_cannot_be_made_are_refused"),
    ("plotting", "bins = np.histogram_bin_edges(np.concatenate([self.train, self.test]), _N_BINS)", "bins = _N_BINS", "test_plotting.py::test_likelihoods_are_drawn_as_they_are_scored"),
    ("plotting", "estimator.score_samples(X_test)", "estimator.score_samples(X_train)", "test_plotting.py::test_likelihoods_are_drawn_as_they_are_scored"),
    ("plotting", "log_z.upper - log_z.value, log_z.value - log_z.lower", "log_z.value - log_z.lower, log_z.upper - log_z.value", "test_plotting.py::test_the_band_is_where_the_mean_lies_between_the_bounds_of_log_z"),
    ("plotting", "max(mean - below, bins[0])", "mean - below", "test_plotting.py::test_a_bound_that_is_missing_leaves_the_band_open"),
    ("plotting", "_GENERATIVE = RBMEstimator, DeepBeliefNetwork", "_GENERATIVE = (RBMEstimator,)", "test_plotting.py::test_a_stack_has_the_margins_of_its_top"),
    ("plotting", "    if ax is None:\n", "    _pyplot().figure()\n    if ax is None:\n", "test_plotting.py::test_axes_are_used_and_figures_made_only_where_there_are_none"),
    ("plotting", "_ALL_GENERATIVE)\n        check_is_fitted(estimator)\n", "_ALL_GENERATIVE)\n", "test_plotting.py::test_estimators_that_cannot_be_shown_are_refused"),
    ("plotting", "_GENERATIVE = RBMEstimator, DeepBeliefNetwork", "_GENERATIVE = SHOWN", "test_plotting.py::test_what_has_no_likelihood_of_rows_shows_none"),
    ("plotting", '        validation.check_choice("order", order, _ORDERS)\n', "", "test_plotting.py::test_wrong_arguments_are_refused"),
    ("plotting", "        _pyplot()\n        validation", "        validation", "test_plotting.py::test_without_matplotlib_one_sentence_names_the_extra"),
    ("plotting", "import numpy as np\n", "import matplotlib.pyplot as plt\nimport numpy as np\n", "test_plotting.py::test_matplotlib_is_not_imported_before_it_is_used"),
    # Labels
    ("units", "_kernels.logistic(0.0, binary), _kernels.softmax(label)", "_kernels.logistic(0.0, binary), _kernels.logistic(0.0, label)", "test_labels.py::test_mean_is_the_mean_over_states"),
    ("units", "_kernels.sum_softplus(binary) + _kernels.row_log_sum_exp(label)", "_kernels.sum_softplus(input + self.bias)", "test_labels.py::test_log_normalizer_is_the_sum_over_states"),
    ("units", "_kernels.row_log_sum_exp(label[:, None] + other)", "_kernels.row_log_sum_exp(label)[:, None]", "test_labels.py::test_log_normalizer_is_the_sum_over_states"),
    ("units", " + one @ _kernels.log(of_one).T", "", "test_labels.py::test_log_probability_is_that_of_the_states_and_broadened_means_are_means"),
    ("units", "(1 - share) * label + share / self.n_labels", "(1 - share) * label + share / 2", "test_labels.py::test_log_probability_is_that_of_the_states_and_broadened_means_are_means"),
    ("label_gradient", "return log_normalizer + rbm.visible.bias[-n_labels:]", "return log_normalizer", "test_labels.py::test_label_probabilities_are_those_of_enumeration"),
    ("label_gradient", " - mass.T @ free.hidden", "", "test_labels.py::test_gradient_is_that_of_the_objective"),
    ("label_gradient", "others = _covariance_rows(rbm, covariance)", "others = _covariance_rows(rbm, 0 * covariance)", "test_labels.py::test_gradient_is_that_of_the_objective"),
    ("label_gradient", "model._replace(weights=self.share * model.weights)", "model", "test_labels.py::test_gradient_is_that_of_the_objective"),
    ("label_gradient", "free_shares = (self.share - 1) * shares", "free_shares = -shares", "test_labels.py::test_gradient_is_that_of_the_objective"),
    ("_kernels", "u = uniform((*probability.shape[:-1], 1), rng) * cumulative[..., -1:]", "u = uniform((1,), rng) * cumulative[..., -1:]", "test_labels.py::test_chains_visit_states_as_often_as_they_are_probable"),
    ("rbm_classifier", "rows, labels, weights = part(rows, used), labels[used], weights[used]", "pass", "test_labels.py::test_rows_of_no_weight_have_no_label"),
    ("rbm_classifier", 'return self.inputs == "sample"', "return False", "test_labels.py::test_inputs_are_drawn_or_taken_as_they_are"),
    ("rbm_classifier", "LabelGradient(joint, float(self.generative_share), self._n_labels)", "LabelGradient(joint, 0.0, self._n_labels)", "test_labels.py::test_a_generative_share_teaches_what_the_data_look_like"),
    ("fine_tuned", 'states_of(net, v, rng) if self.inputs == "sample" else v', "v", "test_fine_tuned.py::test_inputs_are_drawn_or_taken_as_they_are"),
    # Missing values and conditions
    ("conditionals", " + given.free @ rbm.visible.log_normalizers(x).T", "", "test_conditionals.py::test_marginals_are_sums_over_what_is_free"),
    ("conditionals", " - given.given_energy(base)", "", "test_conditionals.py::test_marginals_are_sums_over_what_is_free"),
    ("conditionals", "anneal(path, v, betas, rng, chains.completed)", "anneal(path, v, betas, rng)", "test_conditionals.py::test_marginals_are_sums_over_what_is_free"),
    ("conditionals", "result.visible[rows] = some.completed(found.visible)", "result.visible[rows] = found.visible", "test_conditionals.py::test_means_are_those_of_the_conditional_distribution"),
    ("conditionals", "        v = chains.completed(rbm.visible.sample(visible_mean, rng))", "        v = rbm.visible.sample(visible_mean, rng)", "test_conditionals.py::test_means_are_those_of_the_conditional_distribution"),
    ("conditionals", "        v = given.completed(samplers.gibbs_visible(given.rbm, v, rng))", "        v = samplers.gibbs_visible(given.rbm, v, rng)", "test_conditionals.py::test_draws_have_the_means_and_keep_what_is_given"),
    ("conditionals", "visible = given.values[:, None] + states @ unit_vectors[columns]", "visible = given.values[:, None] + 0 * (states @ unit_vectors[columns])", "test_missing.py::test_binary_scores_of_wide_models_are_sums"),
    ("conditionals", "for _ in range(_MOST_STEPS):", "for _ in range(0):", "test_conditionals.py::test_a_mode_of_gaussian_units_is_stationary"),
    ("completing", "return free_energy - log_volume_of(np.isnan(v))", "return free_energy", "test_missing.py::test_densities_are_those_of_the_known_columns"),
    ("completing", "return np.where(np.isnan(X), told, X).astype(X.dtype, copy=False)", "return told.astype(X.dtype)", "test_missing.py::test_what_is_known_comes_back_bit_for_bit"),
    ("coordinates", "self.states[chains] = gibbs(given, self.states[chains], self.rng, _STEPS_A_VISIT)", "pass", "test_missing.py::test_what_is_missing_is_learnt_around"),
    ("training", "of_seen += w @ ~missing", "of_seen += w.sum()", "test_missing.py::test_columns_start_from_what_is_known_of_them"),
    ("_kernels", "total, mean = share @ ~missing, share @ u", "mean = share @ u", "test_missing.py::test_columns_start_from_what_is_known_of_them"),
    ("belief_net", "state = _kernels.where(free, self.visible.sample(mean, rng), v)", "state = self.visible.sample(mean, rng)", "test_missing.py::test_a_stack_of_one_layer_completes_as_its_rbm_does"),
    # Callbacks, checkpoints, outliers
    ("trained", "shuffle=True, first=n_done)", "shuffle=True)", "test_callbacks.py::test_an_interrupted_fit_goes_on_to_the_same_end"),
    ("trained", "self._base, training.rng, training.fills)", "self._base, training.rng)", "test_callbacks.py::test_an_interrupted_fit_goes_on_to_the_same_end"),
    ("trained", "unfinished.seed, unfinished.seen)", "unfinished.seed, Seen())", "test_callbacks.py::test_an_interrupted_fit_goes_on_to_the_same_end"),
    ("trained", "if stopping.over:", "if False:", "test_callbacks.py::test_an_interrupted_fit_goes_on_to_the_same_end"),
    ("trained", 'self.__dict__.pop("_unfinished", None)', "pass", "test_callbacks.py::test_what_cannot_be_resumed_is_refused"),
    ("trained", "        del self._unfinished\n", "", "test_callbacks.py::test_what_cannot_be_resumed_is_refused"),
    ("trained", "        except StopIteration:\n            asked = True", "        except StopIteration:\n            return True", "test_callbacks.py::test_stop_iteration_ends_a_fit_and_all_callbacks_are_called"),
    ("checkpoint", "        part.replace(self.path)", "        self.path.write_bytes(part.read_bytes())", "test_callbacks.py::test_a_file_that_is_no_checkpoint_is_refused"),
    ("outlier_detector", "return -self.rbm_._free_energies(rows)", "return self.rbm_._free_energies(rows)", "test_outliers.py::test_scores_order_rows_as_their_likelihoods_do"),
    ("outlier_detector", "upto = weights[order].cumsum()", "upto = (0 * weights + 1).cumsum()", "test_outliers.py::test_the_threshold_has_its_share_of_the_rows_below_it"),
    ("validation", "return [int(seed.generate_state(1, np.uint64)[0] >> 1) for seed in seeds]", "return seeds", "test_storage.py::test_skops_keeps_an_estimator"),
    ("imputer", "self._seed = draws_seed", "self._seed = None", "test_missing.py::test_an_imputer_that_draws_draws_the_same_in_every_call"),
]  # fmt: skip


def survives(module: str, old: str, new: str, test: str) -> bool:
    """Make one mistake in a copy and return whether the test passes all the same."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in ("skrbm", "tests", "pyproject.toml"):
            source = ROOT / part
            (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / part)
        path = copy / "skrbm" / f"{module}.py"
        text = path.read_text(encoding="utf-8")
        if text.count(old) == 0:
            sys.exit(f"{module}.py no longer says {old!r}")
        path.write_text(text.replace(old, new), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-x", *f"tests/{test}".split()]
        environment = os.environ | {"PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, check=False)
        if done.returncode not in (0, 1):
            sys.exit(done.stdout.decode() + done.stderr.decode())
        return done.returncode == 0


def main() -> int:
    """Return the number of mistakes that no test noticed."""
    unnoticed = 0
    for mutation in MUTATIONS:
        alive = survives(*mutation)
        unnoticed += alive
        print("UNNOTICED" if alive else "noticed  ", mutation[0], "->", mutation[3], flush=True)
    return unnoticed


if __name__ == "__main__":
    sys.exit(main())
