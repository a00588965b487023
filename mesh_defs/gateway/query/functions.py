"""The functions that a stranger's SQL may call, each with how much larger than what goes in its
text or list can come out.

Each is pure but for the clock: it looks at its arguments and at nothing else, changes nothing, and
allocates no more than its growth says. What is not here may not be called: what reads files,
settings, secrets, other queries or the catalogue, what waits, writes logs, counts up or seeds, what
takes a lambda, and what makes values of any size from a small number (``printf``, ``list_resize``).
"""

from __future__ import annotations

# As large as the largest argument.
_PLAIN = """
abs acos acosh add age alias any_value approx_count_distinct arbitrary arg_max arg_max_null
arg_max_nulls_last arg_min arg_min_null arg_min_nulls_last argmax argmin array_contains
array_cosine_distance array_cosine_similarity array_cross_product array_distance array_distinct
array_dot_product array_extract array_has array_has_all array_has_any array_indexof
array_inner_product array_intersect array_length array_negative_inner_product array_pop_back
array_pop_front array_position array_reverse array_reverse_sort array_slice array_sort array_unique
ascii asin asinh atan atan2 atanh avg bit_and bit_count bit_length bit_or bit_position bit_xor
bool_and bool_or cardinality cbrt ceil ceiling century char_length character_length chr contains
corr cos cosh cot count count_if count_star countif covar_pop covar_samp cume_dist current_date
current_localtime current_localtimestamp date_add date_diff date_part date_sub date_trunc datediff
datepart datesub datetrunc day dayname dayofmonth dayofweek dayofyear days_in_month decade decode
degrees dense_rank divide element_at encode ends_with entropy epoch epoch_ms epoch_ns epoch_us era
even exp factorial favg fdiv fill first first_value flatten floor fmod formatReadableDecimalSize
formatReadableSize format_bytes from_base64 from_hex fsum gamma gcd geomean geometric_mean get_bit
get_current_timestamp greatest greatest_common_divisor hamming hash hour ilike_escape instr isfinite
isinf isnan isodow isoyear json_array_length json_contains json_exists json_keys json_type
json_valid json_value julian kahan_sum kurtosis kurtosis_pop lag last last_day last_value lcm lead
least least_common_multiple left left_grapheme len length length_grapheme lgamma like_escape
list_any_value list_avg list_bit_and list_bit_or list_bit_xor list_bool_and list_bool_or
list_contains list_cosine_distance list_cosine_similarity list_count list_distance list_distinct
list_dot_product list_element list_extract list_first list_has list_has_all list_has_any
list_indexof list_inner_product list_intersect list_last list_mad list_max list_median list_min
list_mode list_negative_inner_product list_position list_product list_reverse list_reverse_sort
list_slice list_sort list_stddev_pop list_stddev_samp list_sum list_unique list_var_pop
list_var_samp list_where ln log log10 log2 ltrim mad make_date make_time make_timestamp
make_timestamp_ms make_timestamp_ns make_timestamptz map_contains map_contains_entry
map_contains_value map_entries map_extract map_extract_value map_from_entries map_keys map_values
max max_by md5 md5_number mean median microsecond millennium millisecond min min_by minute
mismatches mod mode month monthname multiply nanosecond nextafter normalized_interval
not_ilike_escape not_like_escape now nth_value ntile nullif octet_length ord parse_dirname
parse_dirpath parse_filename percent_rank percentile_cont percentile_disc pi position pow power
prefix product quantile quantile_cont quantile_disc quarter radians rank rank_dense regexp_extract
regexp_full_match regexp_matches regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope
regr_sxx regr_sxy regr_syy reverse right right_grapheme round round_even roundbankers row_number
rtrim second sem sha1 sha256 sign signbit sin sinh skewness split_part sqrt starts_with stddev
stddev_pop stddev_samp strip_accents strlen strpos strptime struct_contains struct_extract
struct_extract_at struct_keys struct_values substr substring substring_grapheme subtract suffix sum
sum_no_overflow sumkahan tan tanh time_bucket timezone timezone_hour timezone_minute to_centuries
to_days to_decades to_hours to_microseconds to_millennia to_milliseconds to_minutes to_months
to_quarters to_seconds to_timestamp to_weeks to_years today transaction_timestamp translate trim
trunc try_strptime typeof unhex unicode unnest url_decode var_pop var_samp variance wavg week
weekday weekofyear weighted_avg xor year yearweek
"""
# As large as all arguments together.
_SUMS = """
array_append array_cat array_concat array_prepend array_push_back array_push_front array_value
concat concat_ws json_array json_merge_patch json_object list_append list_cat list_concat
list_pack list_prepend list_value list_zip map map_concat row struct_concat struct_insert
struct_pack struct_update
"""
# So many times as large as all arguments together. A text of n letters splits into n texts.
# Of two long texts, some take the square of their length in time, and nothing interrupts them.
_FACTORS = {
    64: "damerau_levenshtein editdist3 jaccard jaro_similarity jaro_winkler_similarity levenshtein",
    2: "base64 hex lcase lower regexp_escape to_base64 to_hex ucase upper",
    3: "nfc_normalize url_encode",
    6: "json_quote row_to_json to_json",
    8: "bin to_binary",
    16: """->> json_extract json_extract_path json_extract_path_text json_extract_string
        json_pretty regexp_extract_all regexp_split_to_array split str_split str_split_regex
        strftime string_split string_split_regex string_to_array""",
}
# Of many rows one value, as large as all of them.
_COLLECTING = """
array_agg group_concat histogram json_group_array json_group_object list listagg string_agg
"""
COLLECTING = frozenset(_COLLECTING.split())
# The argument with this index says how large they get: it must be written out.
COUNTED = {"repeat": 1, "lpad": 1, "rpad": 1}
# Where these have such an argument at all, they give a list of so many values.
TOP = {
    **dict.fromkeys(["max", "min"], 1),
    **dict.fromkeys(["arg_max", "arg_min", "argmax", "argmin", "max_by", "min_by"], 2),
}
# The text with this index stands many times in what comes out.
REPLACING = {"replace": 2, "regexp_replace": 2, "array_to_string": 1}
# What comes out is a number, a flag or one part, whatever goes in: no copy of it.
_REDUCING = """
% * + - / // abs any_value approx_count_distinct arbitrary arg_max arg_min argmax argmin
array_contains array_has array_has_all array_has_any array_length array_position avg bit_length
bool_and bool_or cardinality ceil ceiling char_length character_length contains corr count
count_if count_star countif cume_dist current_date date_diff date_part date_trunc datediff
datepart datetrunc day dayofweek dense_rank ends_with exp first first_value floor hash hour isodow
json_array_length json_exists lag last last_value lead len length list_avg list_contains
list_count list_extract list_has list_has_all list_has_any list_max list_min list_position
list_sum ln log map_contains map_extract_value max max_by md5 median min min_by minute mod mode
month now ntile nullif octet_length percent_rank pow power prefix quantile quantile_cont
quantile_disc quarter rank rank_dense regexp_matches round row_number second sha256 sign sqrt
starts_with stddev stddev_pop stddev_samp strlen strpos struct_extract suffix sum to_days to_hours
to_minutes to_months to_seconds to_weeks to_years today trunc unnest var_pop var_samp variance
week year
"""
REDUCING = frozenset(_REDUCING.split())
SERIES = frozenset({"range", "generate_series"})

SUMS = frozenset(_SUMS.split()) | {"||"}
FACTORS = {name: number for number, names in _FACTORS.items() for name in names.split()}
FUNCTIONS = (
    frozenset(name.lower() for name in _PLAIN.split())
    | frozenset(_SUMS.split())
    | frozenset(FACTORS) - {"->>"}
    | COLLECTING
    | frozenset(COUNTED)
    | frozenset(REPLACING)
    | SERIES
)
# As the engine's parser writes what stands between or before operands.
_OPERATORS = """
+ - * / // % ** ^ || & | << >> ~ @ ^@ ->> ~~ !~~ ~~* !~~* ~~~ && @> <@
"""
OPERATORS = frozenset(_OPERATORS.split())
# In place of a table.
TABLE_FUNCTIONS = SERIES | {"unnest"}
# A type by name that is no file's, no user's and no setting's.
TYPES_BY_NAME = frozenset({"json"})
TYPES = frozenset(
    [
        "BIGINT",
        "BLOB",
        "BOOLEAN",
        "DATE",
        "DECIMAL",
        "DOUBLE",
        "FLOAT",
        "HUGEINT",
        "INTEGER",
        "INTERVAL",
        "LIST",
        "MAP",
        "SMALLINT",
        "STRUCT",
        "TIME",
        "TIMESTAMP",
        "TIMESTAMP_MS",
        "TIMESTAMP_NS",
        "TIMESTAMP_S",
        "TINYINT",
        "UBIGINT",
        "UHUGEINT",
        "UINTEGER",
        "USMALLINT",
        "UTINYINT",
        "UUID",
        "VARCHAR",
    ]
) | {"TIME WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE"}
# Operators and functions that compare: their outcome is true or false.
_COMPARING = """
~~ !~~ ~~* !~~* ~~~ && @> <@ ^@ regexp_full_match
like_escape not_like_escape ilike_escape not_ilike_escape
"""
COMPARING = frozenset(_COMPARING.split())
