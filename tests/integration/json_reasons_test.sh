# ctest: labels=unit
# A type without a JSON form does not compile, and one line of the compiler's output says what to do.
set -euo pipefail

compiles() { "${CXX:-c++}" -std=c++20 -fsyntax-only -I"$SOURCE_DIR/include" program.cpp 2>errors.txt; }

expect_reason() {
  local reason=$1
  { echo '#include <fanfold/json.hpp>' && cat; } >program.cpp
  if compiles; then
    echo "compiled, though it must not:" && cat program.cpp
    exit 1
  fi
  grep -q "error: static.assert.*$reason" errors.txt || { cat program.cpp errors.txt && exit 1; }
}

expect_reason 'no JSON form: .*BOOST_DESCRIBE_STRUCT' <<'END'
struct Undescribed {};
void encode() { fanfold::Codec<Undescribed>::encode(Undescribed{}); }
END
expect_reason 'no JSON form: .*BOOST_DESCRIBE_STRUCT' <<'END'
struct Undescribed {};
struct Outer { int number; Undescribed member; };
BOOST_DESCRIBE_STRUCT(Outer, (), (number, member))
auto json = fanfold::Codec<Outer>::encode({});
END
expect_reason 'no JSON form: .*BOOST_DESCRIBE_ENUM' <<'END'
enum class Undescribed { one };
auto value = fanfold::Codec<std::vector<Undescribed>>::decode(fanfold::Json{});
END
expect_reason 'needs a default constructor' <<'END'
struct Fixed { explicit Fixed(int from) : number(from) {} int number; };
BOOST_DESCRIBE_STRUCT(Fixed, (), (number))
auto value = fanfold::Codec<Fixed>::decode(fanfold::Json{});
END
expect_reason 'renames a member that the struct itself does not have' <<'END'
struct Row { int count; };
BOOST_DESCRIBE_STRUCT(Row, (), (count))
template <>
struct fanfold::JsonNames<Row> {
  static constexpr JsonMember names[] = {{"cuont", "COUNT"}};
};
auto json = fanfold::Codec<Row>::encode({});
END
expect_reason 'names in JSON are distinct' <<'END'
struct Row { int count; int other; };
BOOST_DESCRIBE_STRUCT(Row, (), (count, other))
template <>
struct fanfold::JsonNames<Row> {
  static constexpr JsonMember names[] = {{"count", "other"}};
};
auto json = fanfold::Codec<Row>::encode({});
END
