//! Durations, counted by size.

use std::time::Duration;

/// Distribution of durations, in buckets an eighth of an octave wide: from 1 µs to 19 hours, at most 272 numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: Vec<u64>,
    count: u64,
    sum: Duration,
    max: Duration,
}

impl Histogram {
    /// Counts one duration; memory reaches as far as the longest.
    pub fn record(&mut self, duration: Duration) {
        let bucket = bucket_of(duration);
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
        self.count += 1;
        self.sum = self.sum.saturating_add(duration);
        self.max = self.max.max(duration);
    }

    /// Adds the durations that another has counted.
    pub fn add(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.count += other.count;
        self.sum = self.sum.saturating_add(other.sum);
        self.max = self.max.max(other.max);
    }

    /// Number of durations counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// All durations together.
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// The upper bound of the bucket in which this share (0 to 1) is reached, and never more than the longest; zero if
    /// nothing was counted.
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = (self.count as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, &count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return end_of(bucket).min(self.max);
            }
        }
        self.max
    }

    /// The upper bound and the count of each bucket that is not empty, shortest first.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        let counted = self.counts.iter().enumerate().filter(|&(_, &count)| count > 0);
        counted.map(|(bucket, &count)| (end_of(bucket), count))
    }
}

fn bucket_of(duration: Duration) -> usize {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).min(LONGEST);
    let Some(octave) = micros.checked_ilog2().filter(|&octave| octave >= FINE) else {
        return micros as usize;
    };
    let eighth = (micros >> (octave - FINE)) as usize & (PER_OCTAVE - 1);
    (octave - FINE + 1) as usize * PER_OCTAVE + eighth
}

/// Upper bound of the bucket's durations.
fn end_of(bucket: usize) -> Duration {
    let next = bucket + 1;
    let micros = match (next / PER_OCTAVE).checked_sub(1) {
        None => next,
        Some(octave) => (PER_OCTAVE + next % PER_OCTAVE) << octave,
    };
    // Durations are whole nanoseconds, and a bucket ends before the next begins.
    Duration::from_micros(micros as u64) - Duration::from_nanos(1)
}

/// Eight buckets an octave: 2^3.
const FINE: u32 = 3;
const PER_OCTAVE: usize = 1 << FINE;
/// Microseconds: longer ones count as this, which is 19 hours.
const LONGEST: u64 = (1 << 36) - 1;

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn every_duration_lies_in_its_bucket_and_quantiles_are_at_most_an_eighth_too_long() {
        for seed in 0..20 {
            let mut rng = rand_pcg::Pcg64Mcg::seed_from_u64(seed);
            let mut histogram = Histogram::default();
            let mut naive = Vec::new();
            for _ in 0..rng.random_range(1..2_000) {
                let octave = rng.random_range(1..44);
                let duration = Duration::from_nanos(rng.random_range(0..1u64 << octave));
                let bucket = bucket_of(duration);
                assert!(duration <= end_of(bucket), "{duration:?}");
                assert!(bucket == 0 || duration > end_of(bucket - 1), "{duration:?}");
                histogram.record(duration);
                naive.push(duration);
            }
            naive.sort();
            for share in [0.0, 0.01, 0.5, 0.9, 0.99, 1.0] {
                let at = ((naive.len() as f64 * share).ceil() as usize).max(1) - 1;
                let (exact, told) = (naive[at], histogram.quantile(share));
                let most = exact + exact / 8 + Duration::from_micros(1);
                assert!((exact..=most).contains(&told), "seed {seed}: {told:?} for {exact:?}");
            }
            assert_eq!(histogram.buckets().map(|(_, count)| count).sum::<u64>(), naive.len() as u64);
            assert_eq!((histogram.count(), histogram.max()), (naive.len() as u64, naive[naive.len() - 1]));
            assert_eq!(histogram.sum(), naive.iter().sum());
        }
    }

    #[test]
    fn the_sum_of_two_is_that_of_all_their_durations() {
        let durations = [1, 3, 900, 70_000, 5_000_000, 2, 40].map(Duration::from_micros);
        let histogram = |durations: &[Duration]| {
            let mut histogram = Histogram::default();
            durations.iter().for_each(|&duration| histogram.record(duration));
            histogram
        };
        for at in 0..=durations.len() {
            let mut sum = histogram(&durations[..at]);
            sum.add(&histogram(&durations[at..]));
            assert_eq!(sum, histogram(&durations));
        }
    }

    #[test]
    fn a_histogram_of_nothing_is_zero_and_one_of_ages_is_small() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.quantile(0.99), histogram.buckets().count()), (Duration::ZERO, 0));
        histogram.record(Duration::from_secs(10_000_000));
        assert!(histogram.counts.len() <= 272, "{}", histogram.counts.len());
        assert_eq!(histogram.quantile(0.5), end_of(histogram.counts.len() - 1));
    }
}
