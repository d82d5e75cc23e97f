//! The attribute `rseq_kit::test`.

#![forbid(unsafe_code)]

use proc_macro::TokenStream;
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{Expr, ItemFn, Token, parse_macro_input};

/// Makes a function a test of the suite that it stands in, with what it needs of the
/// machine:
///
/// ```text
/// const REGISTERS: [Need; 2] = [Need::X86_64, Need::RSEQ];
///
/// #[rseq_kit::test(REGISTERS, Need::PTRACE)]
/// fn every_thread() -> Outcome { ... }
/// ```
///
/// A need is one `Need` or an array of them. A function that returns nothing fails by
/// panicking. The test is called after its module
/// and the function. `Suite::collected` holds all tests of a target.
#[proc_macro_attribute]
pub fn test(needs: TokenStream, function: TokenStream) -> TokenStream {
    let needs =
        parse_macro_input!(needs with Punctuated::<Expr, Token![,]>::parse_terminated).into_iter();
    let function = parse_macro_input!(function as ItemFn);
    let name = &function.sig.ident;
    let expanded = quote! {
        #function

        const _: () = {
            fn needs() -> ::std::vec::Vec<::rseq_kit::needs::Need> {
                #[allow(unused_mut, reason = "a test may need nothing")]
                let mut list = ::std::vec::Vec::new();
                #( ::rseq_kit::needs::Needs::append(#needs, &mut list); )*
                list
            }
            ::rseq_kit::inventory::submit! {
                ::rseq_kit::runner::Test {
                    module: ::std::module_path!(),
                    name: ::std::stringify!(#name),
                    needs,
                    body: || ::rseq_kit::runner::Ends::ends(#name()),
                }
            }
        };
    };
    expanded.into()
}
