//! The list of all rules: what each goes by in code and in reports, and where it stands.

/// Hands the list to a macro. Those about objects, programs, processes and loads come
/// first, then the verdicts about the host; errors first in each part.
macro_rules! with_every_rule {
    ($then:ident) => {
        $then! {
            UnloadableDefiner "unloadable-definer" => object::UNLOADABLE_DEFINER,
            SmallDefiner "small-definer" => object::SMALL_DEFINER,
            SecondDefiner "second-definer" => program::SECOND_DEFINER,
            CriticalSectionDescriptor "critical-section-descriptor" => object::CRITICAL_SECTION_DESCRIPTOR,
            CriticalSectionRange "critical-section-range" => object::CRITICAL_SECTION_RANGE,
            AbortHandlerInside "abort-handler-inside" => object::ABORT_HANDLER_INSIDE,
            AbortSignature "abort-signature" => object::ABORT_SIGNATURE,
            CriticalSectionSyscall "critical-section-syscall" => object::CRITICAL_SECTION_SYSCALL,
            CriticalSectionCall "critical-section-call" => object::CRITICAL_SECTION_CALL,
            HiddenDefiner "hidden-definer" => object::HIDDEN_DEFINER,
            UnloadableClient "unloadable-client" => object::UNLOADABLE_CLIENT,
            DefinerBindsToItself "definer-binds-to-itself" => object::DEFINER_BINDS_TO_ITSELF,
            NotInitialExec "not-initial-exec" => object::NOT_INITIAL_EXEC,
            WeakReference "weak-reference" => object::WEAK_REFERENCE,
            StaticTlsSurplus "static-tls-surplus" => object::STATIC_TLS_SURPLUS,
            DlopenedDefiner "dlopened-definer" => program::DLOPENED_DEFINER,
            RefusedClient "refused-client" => process::REFUSED_CLIENT,
            ReadOnlyStore "read-only-store" => object::READ_ONLY_STORE,
            RepeatedCommit "repeated-commit" => object::REPEATED_COMMIT,
            DefinerWithDeepbind "definer-with-deepbind" => load::DEFINER_WITH_DEEPBIND,
            DefinerNotPromoted "definer-not-promoted" => load::DEFINER_NOT_PROMOTED,
            ExportedDefiner "exported-definer" => object::EXPORTED_DEFINER,
            OwnsItself "owns-itself" => object::OWNS_ITSELF,
            AskedByName "asked-by-name" => object::ASKED_BY_NAME,
            UndecodedCriticalSection "undecoded-critical-section" => object::UNDECODED_CRITICAL_SECTION,
            UnregisteredThread "unregistered-thread" => process::UNREGISTERED_THREAD,
            CpuIdStartKept "cpu-id-start-kept" => host::CPU_ID_START_KEPT,
            CriticalSectionsDoNotAbort "critical-sections-do-not-abort" => host::NO_ABORT,
            CpuIdStartKills "cpu-id-start-kills" => host::CPU_ID_START_KILLS,
            RseqMissing "rseq-missing" => host::RSEQ_MISSING,
            RseqDenied "rseq-denied" => host::RSEQ_DENIED,
            RegistrationRefused "registration-refused" => host::REGISTRATION_REFUSED,
            UnexpectedAnswers "unexpected-answers" => host::UNEXPECTED_ANSWERS,
            LibcSwitchedOff "libc-switched-off" => host::LIBC_SWITCHED_OFF,
            PreloadFileBroken "preload-file-broken" => host::PRELOAD_FILE_BROKEN,
            SecureExecution "secure-execution" => host::SECURE_EXECUTION,
            SelfTestIncomplete "self-test-incomplete" => host::SELF_TEST_INCOMPLETE,
            LibcRegisters "libc-registers" => host::LIBC_REGISTERS,
            LibcOwnsSymbol "libc-owns-symbol" => host::LIBC_OWNS_SYMBOL,
            LibcDoesNotRegister "libc-does-not-register" => host::LIBC_DOES_NOT_REGISTER,
            StrictAbove32 "strict-above-32" => host::STRICT_ABOVE_32,
            NoFeatureSize "no-feature-size" => host::NO_FEATURE_SIZE,
            ShimForAll "shim-for-all" => host::SHIM_FOR_ALL,
            SmallSurplus "small-surplus" => host::SMALL_SURPLUS,
        }
    };
}

pub(super) use with_every_rule;
