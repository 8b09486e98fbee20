//! Softmax and cross-entropy over `[W, K]` logits.

/// Softmax of one row, in place; gives `ln sum exp` of the row.
pub fn softmax_row(row: &mut [f32]) -> f32 {
    let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0_f32;
    for x in row.iter_mut() {
        *x = (*x - max).exp();
        sum += *x;
    }
    for x in row.iter_mut() {
        *x /= sum;
    }
    max + sum.ln()
}

/// Cross-entropy summed over the rows, and its gradient.
///
/// `dlogits[W, K] = scale (softmax(logits) - onehot(tags))`; gives `sum_w -ln softmax(logits_w)[tag_w]`.
pub fn cross_entropy(dlogits: &mut [f32], logits: &[f32], tags: &[u32], scale: f32) -> f64 {
    if tags.is_empty() {
        return 0.0;
    }
    let k = logits.len() / tags.len();
    let mut loss = 0.0;
    for ((row, d), &tag) in logits
        .chunks_exact(k)
        .zip(dlogits.chunks_exact_mut(k))
        .zip(tags)
    {
        d.copy_from_slice(row);
        let log_sum = softmax_row(d);
        loss += f64::from(log_sum - row[tag as usize]);
        d[tag as usize] -= 1.0;
        for d in d.iter_mut() {
            *d *= scale;
        }
    }
    loss
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_the_derivative_of_the_loss() {
        let logits = [0.3, -1.2, 2.0, 1e4, 0.0, -1e4];
        let tags = [1, 0];
        let mut d = [0.0; 6];
        let loss = cross_entropy(&mut d, &logits, &tags, 0.5);
        // -ln softmax by hand: ln(e^0.3 + e^-1.2 + e^2) + 1.2, and 0
        let want = (0.3_f64.exp() + (-1.2_f64).exp() + 2.0_f64.exp()).ln() + 1.2;
        assert!((loss - want).abs() < 1e-6);
        for i in 0..3 {
            let mut shifted = logits;
            shifted[i] += 1e-2;
            let up = cross_entropy(&mut [0.0; 6], &shifted, &tags, 1.0);
            shifted[i] -= 2e-2;
            let down = cross_entropy(&mut [0.0; 6], &shifted, &tags, 1.0);
            assert!((f64::from(d[i]) - 0.5 * (up - down) / 2e-2).abs() < 1e-4);
        }
        assert_eq!(&d[3..], [0.0; 3]);
    }
}
