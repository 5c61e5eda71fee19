#include "json/boost_json.hpp"

#include <boost/json/src.hpp>
