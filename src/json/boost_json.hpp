#pragma once

// Boost.JSON is compiled into this folder, under a namespace of its own (boost::fanfold_json): a program that uses
// Boost.JSON itself, of whichever version, links with fanfold without two definitions of one name. The headers
// below come first so that the renaming meets nothing but Boost.JSON's own files.
#include <boost/assert.hpp>
#include <boost/config.hpp>
#include <boost/container_hash/hash.hpp>
#include <boost/exception/diagnostic_information.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>
#include <boost/throw_exception.hpp>
#include <boost/utility/string_view.hpp>

#include <algorithm>
#include <climits>
#include <cmath>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <istream>
#include <limits>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#define json fanfold_json
