#pragma once

#include <cstddef>
#include <tuple>
#include <type_traits>

namespace fanfold::detail {

/// Result and argument types of a function or of an object with one call operator.
template <class F>
struct CallableTraits : CallableTraits<decltype(&F::operator())> {};

template <class R, class... A>
struct CallableTraits<R(A...)> {
  using result = R;
  static constexpr bool is_const = true;
  static constexpr std::size_t argument_count = sizeof...(A);
  template <std::size_t I>
  using argument = std::remove_cvref_t<std::tuple_element_t<I, std::tuple<A...>>>;
};
template <class R, class... A>
struct CallableTraits<R (*)(A...)> : CallableTraits<R(A...)> {};
template <class R, class... A>
struct CallableTraits<R (*)(A...) noexcept> : CallableTraits<R(A...)> {};
template <class C, class R, class... A>
struct CallableTraits<R (C::*)(A...) const> : CallableTraits<R(A...)> {};
template <class C, class R, class... A>
struct CallableTraits<R (C::*)(A...) const noexcept> : CallableTraits<R(A...)> {};
template <class C, class R, class... A>
struct CallableTraits<R (C::*)(A...)> : CallableTraits<R(A...)> {
  static constexpr bool is_const = false;
};
template <class C, class R, class... A>
struct CallableTraits<R (C::*)(A...) noexcept> : CallableTraits<R(A...)> {
  static constexpr bool is_const = false;
};

template <class F>
concept PlainCallable = std::is_function_v<std::remove_pointer_t<F>> || requires {
  &F::operator();
};

}  // namespace fanfold::detail
