/// Read once for all tests in C++: what most of them include.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "library.hpp"
