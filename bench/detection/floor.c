/* The least that counting a column can cost: each value read once, its bin found by a table, one counter raised.
 *
 * `cells` cells of equal width lie over the cuts. A cell holds at most one cut (`cut`, else +inf); `base` is the bin of
 * values at or below it, base + 1 that of values above. Four sets of counters, so that equal neighbours do not wait.
 */
#include <stdint.h>
#include <string.h>

void count_numbers(const double *x, int64_t n, double low, double scale, int cells, const int32_t *base,
                   const double *cut, int64_t *counts, int bins) {
    int64_t own[4][256];
    memset(own, 0, sizeof own);
    const double last = cells - 1;
    for (int64_t i = 0; i < n; i++) {
        double place = (x[i] - low) * scale;
        place = place < 0 ? 0 : place;
        place = place > last ? last : place;
        int cell = (int)place;
        own[i & 3][base[cell] + (x[i] > cut[cell])]++;
    }
    for (int b = 0; b < bins; b++) counts[b] = own[0][b] + own[1][b] + own[2][b] + own[3][b];
}

void count_codes(const int32_t *codes, int64_t n, int64_t *counts, int levels) {
    int64_t own[4][256];
    memset(own, 0, sizeof own);
    for (int64_t i = 0; i < n; i++) own[i & 3][codes[i]]++;
    for (int b = 0; b < levels; b++) counts[b] = own[0][b] + own[1][b] + own[2][b] + own[3][b];
}
