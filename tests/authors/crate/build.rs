//! Who defines the area that the library uses: librseq_abi.so in the folder of `ABI`, else
//! the crate.

fn main() {
    match option_env!("ABI") {
        // a weak reference alone does not make a linker keep it
        Some(folder) => {
            println!("cargo::rustc-cdylib-link-arg=-L{folder}");
            println!("cargo::rustc-cdylib-link-arg=-Wl,--no-as-needed,-lrseq_abi,--as-needed");
            println!("cargo::rustc-cdylib-link-arg=-Wl,-rpath,{folder}");
        }
        // what defines the area stays where it is once it is loaded
        None => println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete"),
    }
}
