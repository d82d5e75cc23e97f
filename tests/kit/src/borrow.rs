//! Roots that show folders of another root.

/// A function for shell scripts, in a mount namespace of their own: `borrow FROM TO FOLDER...`
/// shows each folder of the root FROM in the root TO. Links are copied, and what is not there
/// is left out.
pub const BORROW: &str = r#"
borrow() {
    lender=$1 borrower=$2
    shift 2
    for folder; do
        if [ -L "$lender/$folder" ]; then
            cp -P "$lender/$folder" "$borrower/$folder"
        elif [ -d "$lender/$folder" ]; then
            mkdir "$borrower/$folder"
            mount --rbind "$lender/$folder" "$borrower/$folder"
        fi
    done
}
"#;
