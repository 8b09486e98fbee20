//! Picking rows of a matrix, and its backward.

/// `out[i] = x[rows[i]]`, for `x[T, H]` and `out[W, H]`.
pub fn gather(out: &mut [f32], x: &[f32], rows: &[u32], h: usize) {
    for (out, &row) in out.chunks_exact_mut(h).zip(rows) {
        out.copy_from_slice(&x[row as usize * h..][..h]);
    }
}

/// Backward of [`gather`] for rows that differ: `dx` is `dout` at the rows and zero elsewhere.
pub fn scatter(dx: &mut [f32], dout: &[f32], rows: &[u32], h: usize) {
    dx.fill(0.0);
    for (dout, &row) in dout.chunks_exact(h).zip(rows) {
        dx[row as usize * h..][..h].copy_from_slice(dout);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scattering_what_was_gathered_gives_the_rows_back_and_zero_elsewhere() {
        let x: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let mut picked = [0.0; 6];
        gather(&mut picked, &x, &[0, 2], 3);
        assert_eq!(picked, [0.0, 1.0, 2.0, 6.0, 7.0, 8.0]);
        let mut back = [f32::NAN; 12];
        scatter(&mut back, &picked, &[0, 2], 3);
        assert_eq!(
            back,
            [0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 6.0, 7.0, 8.0, 0.0, 0.0, 0.0]
        );
    }
}
