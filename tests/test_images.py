"""Transformers of images, against loops over their formulas."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from skrbm.images import LocalContrastNormalization, Pool

SHAPES = [(5, 7, 1), (6, 4, 3), (1, 9, 2), (12, 11, 1)]


def random_rows(shape, n_rows=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n_rows, *shape)).reshape(n_rows, -1)


# Local contrast normalisation


def window_mean(image, sigma):
    """The weighted mean of all channels around every pixel, by a loop."""
    height, width, n_channels = image.shape
    radius = int(2 * sigma + 0.5)
    means = np.empty((height, width))
    for y in range(height):
        for x in range(width):
            total = weight = 0.0
            for i in range(max(y - radius, 0), min(y + radius + 1, height)):
                for j in range(max(x - radius, 0), min(x + radius + 1, width)):
                    w = np.exp(-((i - y) ** 2 + (j - x) ** 2) / (2 * sigma**2))
                    total += w * image[i, j].sum()
                    weight += w * n_channels
            means[y, x] = total / weight
    return means[:, :, None]


@pytest.mark.parametrize("sigma", [0.7, 2.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_local_contrast_normalization_equals_a_loop(shape, sigma):
    """Fails if the window has another size, borders count as zeros, or a channel is lost."""
    X = random_rows(shape)
    X[:, ::5] *= 10
    results = LocalContrastNormalization(sigma, image_shape=shape).fit_transform(X)
    for row, result in zip(X, results, strict=True):
        image = row.reshape(shape)
        v = image - window_mean(image, sigma)
        contrast = np.sqrt(window_mean(v**2, sigma))
        expected = v / np.maximum(contrast.mean(), contrast)
        np.testing.assert_allclose(result, expected.ravel(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("value", [0, 0.1, -7.3, 255, 1e6])
def test_a_constant_image_becomes_zero(value):
    """Fails if rounding errors of a local mean are divided by their contrast, or zero by zero."""
    for dtype in (np.float32, np.float64):
        X = np.full((1, 36), value, dtype)
        assert (LocalContrastNormalization().fit_transform(X) == 0).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_brightness_and_contrast_of_an_image_do_not_matter(shape):
    """Fails if the threshold is a constant, or the mean of several images."""
    X = random_rows(shape)
    a, b = np.array([[1e-3], [0.5], [1], [300]]), np.array([[5], [0], [-100], [1]])
    step = LocalContrastNormalization(image_shape=shape).fit(X)
    np.testing.assert_allclose(step.transform(a * X + b), step.transform(X), rtol=1e-9, atol=1e-9)


def test_contrast_above_the_mean_becomes_one():
    """Fails if the larger contrast is not used, or a faint region is amplified."""
    image = 0.01 * random_rows((40, 40, 1), 1).reshape(40, 40)
    image[:, :15] *= 100
    result = LocalContrastNormalization(sigma=2).fit_transform(image.reshape(1, -1))
    contrast = np.sqrt(window_mean(result.reshape(40, 40, 1) ** 2, 2))[:, :, 0]
    # The contrast in the formula is an average over the window; so these are about one.
    assert contrast[:, :8].mean() == pytest.approx(1, abs=0.1)
    assert contrast[:, 24:].max() < 0.05


@pytest.mark.parametrize("scale", [1e-38, 1e-20, 1e30])
def test_extreme_values_are_normalised_like_others(scale):
    """Fails if squares become zero or infinite."""
    X = random_rows((6, 6, 1)).astype(np.float32)
    step = LocalContrastNormalization().fit(X)
    scaled = X * np.float32(scale)
    np.testing.assert_allclose(step.transform(scaled), step.transform(X), rtol=1e-3, atol=1e-4)


# Pooling


def windows(image, size):
    """The windows of an image, in C order."""
    height, width, _ = image.shape
    for y in range(0, height, size):
        for x in range(0, width, size):
            yield image[y : y + size, x : x + size].reshape(-1, image.shape[2])


REDUCTIONS = {
    "max": lambda pixels: pixels.max(axis=0),
    "l2": lambda pixels: np.sqrt((pixels**2).mean(axis=0)),
}


@pytest.mark.parametrize("size", [1, 2, 3, 20])
@pytest.mark.parametrize("kind", REDUCTIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_pooling_equals_a_loop(shape, kind, size):
    """Fails if a border is lost or counts as zeros, or channels are mixed."""
    X = random_rows(shape)
    pool = Pool(size, kind=kind, image_shape=shape).fit(X)
    expected = [
        np.concatenate([REDUCTIONS[kind](pixels) for pixels in windows(row.reshape(shape), size)])
        for row in X
    ]
    np.testing.assert_allclose(pool.transform(X), expected, rtol=1e-12)
    assert pool.pooled_shape_ == (-(-shape[0] // size), -(-shape[1] // size), shape[2])


@pytest.mark.parametrize("kind", REDUCTIONS)
def test_a_shift_by_a_window_shifts_the_pooled_map(kind):
    """Fails if windows do not start at multiples of their size."""
    images = random_rows((12, 9, 2)).reshape(-1, 12, 9, 2)
    pool = Pool(3, kind=kind, image_shape=(12, 9, 2)).fit(images.reshape(4, -1))
    pooled, shifted = (
        pool.transform(x.reshape(4, -1)).reshape(-1, 4, 3, 2)
        for x in (images, np.roll(images, (6, 3), axis=(1, 2)))
    )
    np.testing.assert_array_equal(np.roll(pooled, (2, 1), axis=(1, 2)), shifted)


@pytest.mark.parametrize("kind", REDUCTIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_pooling_the_inverse_gives_the_pooled_values(shape, kind):
    """Fails if a value is divided among the pixels, or repeated along the wrong axis."""
    pool = Pool(3, kind=kind, image_shape=shape).fit(random_rows(shape))
    pooled = np.abs(random_rows(pool.pooled_shape_))
    images = pool.inverse_transform(pooled)
    assert images.shape == (4, pool.n_features_in_)
    np.testing.assert_allclose(pool.transform(images), pooled, rtol=1e-14)


# Both


@pytest.mark.parametrize("step", [LocalContrastNormalization(), Pool(), Pool(kind="l2")])
@pytest.mark.parametrize(
    ("given", "result"),
    [("float32", "float32"), ("float64", "float64"), ("uint8", "float32"), ("bool", "float32")],
)
def test_precision_is_kept(step, given, result):
    """Fails if float32 becomes float64, or integers do."""
    X = (random_rows((4, 4, 1)) > 0).astype(given)
    assert step.fit_transform(X).dtype == result
    if isinstance(step, Pool):
        assert step.inverse_transform(step.transform(X)).dtype == result


@pytest.mark.parametrize("step", [LocalContrastNormalization(), Pool(3), Pool(3, kind="l2")])
def test_rows_do_not_depend_on_other_rows(step):
    """Fails if rows are mixed, or blocks of rows are returned in another order."""
    X = random_rows((6, 6, 1), 2500)
    together = step.fit_transform(X)
    np.testing.assert_array_equal(together[1100:1103], step.transform(X[1100:1103]))


def test_without_a_shape_images_are_squares_or_lines():
    """Fails if a square is taken as a line, or another number of columns is refused."""
    for n_columns, shape in [(1, (1, 1, 1)), (9, (3, 3, 1)), (10, (1, 10, 1))]:
        for step in (LocalContrastNormalization(), Pool()):
            assert step.fit(np.ones((2, n_columns))).image_shape_ == shape


def test_names_of_columns():
    """Fails if pooled columns have no names, or normalised columns lose theirs."""
    X = pd.DataFrame(random_rows((2, 3, 1)), columns=[*"abcdef"])
    normalized = LocalContrastNormalization(image_shape=(2, 3)).set_output(transform="pandas")
    assert [*normalized.fit_transform(X).columns] == [*"abcdef"]
    pool = Pool(2, image_shape=(2, 3)).set_output(transform="pandas")
    assert [*pool.fit_transform(X).columns] == ["pool0", "pool1"]


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (LocalContrastNormalization(0), "sigma == 0, must be a finite number > 0."),
        (Pool(0), "size == 0, must be an integer >= 1."),
        (Pool(kind="mean"), "kind == 'mean', must be one of 'max', 'l2'."),
        (Pool(image_shape=(3, 4)), r"image_shape == \(3, 4\), must be None, or the height"),
        (Pool(image_shape=(4, 4, 1, 1)), "with a product of 16."),
        (Pool(image_shape=16), "image_shape == 16, must be None, or the height and width"),
        (LocalContrastNormalization(image_shape=(-4, -4)), "must be None, or the height"),
    ],
)
def test_refuses_invalid_parameters(step, message):
    """Fails if a wrong parameter leads to a late or unclear error."""
    with pytest.raises(ValueError, match=message):
        step.fit(np.ones((2, 16)))


def test_refuses_pooled_rows_of_another_shape():
    """Fails if the rows of another image shape are spread."""
    with pytest.raises(NotFittedError):
        Pool().inverse_transform(np.ones((1, 4)))
    message = r"shape of X == \(1, 5\), must be an array of shape \(n_samples, 4\)."
    with pytest.raises(ValueError, match=message):
        Pool().fit(np.ones((1, 16))).inverse_transform(np.ones((1, 5)))
