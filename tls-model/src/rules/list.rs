//! The list of all rules: what each goes by in code, and where it stands.

/// Hands the list to a macro. Those about objects, programs, processes and loads come
/// first, then the verdicts about the host; errors first in each part.
macro_rules! with_every_rule {
    ($then:ident) => {
        $then! {
            UnloadableDefiner => object::UNLOADABLE_DEFINER,
            SmallDefiner => object::SMALL_DEFINER,
            SecondDefiner => program::SECOND_DEFINER,
            CriticalSectionDescriptor => object::CRITICAL_SECTION_DESCRIPTOR,
            CriticalSectionRange => object::CRITICAL_SECTION_RANGE,
            AbortHandlerInside => object::ABORT_HANDLER_INSIDE,
            AbortSignature => object::ABORT_SIGNATURE,
            CriticalSectionSyscall => object::CRITICAL_SECTION_SYSCALL,
            CriticalSectionCall => object::CRITICAL_SECTION_CALL,
            HiddenDefiner => object::HIDDEN_DEFINER,
            UnloadableClient => object::UNLOADABLE_CLIENT,
            DefinerBindsToItself => object::DEFINER_BINDS_TO_ITSELF,
            NotInitialExec => object::NOT_INITIAL_EXEC,
            StaticTlsSurplus => object::STATIC_TLS_SURPLUS,
            DlopenedDefiner => program::DLOPENED_DEFINER,
            RefusedClient => process::REFUSED_CLIENT,
            ReadOnlyStore => object::READ_ONLY_STORE,
            RepeatedCommit => object::REPEATED_COMMIT,
            DefinerInAnotherNamespace => load::DEFINER_IN_ANOTHER_NAMESPACE,
            DefinerWithDeepbind => load::DEFINER_WITH_DEEPBIND,
            DefinerNotPromoted => load::DEFINER_NOT_PROMOTED,
            ExportedDefiner => object::EXPORTED_DEFINER,
            AskedByName => object::ASKED_BY_NAME,
            UndecodedCriticalSection => object::UNDECODED_CRITICAL_SECTION,
            UnregisteredThread => process::UNREGISTERED_THREAD,
            CpuIdStartKept => host::CPU_ID_START_KEPT,
            CriticalSectionsDoNotAbort => host::NO_ABORT,
            CpuIdStartKills => host::CPU_ID_START_KILLS,
            RseqMissing => host::RSEQ_MISSING,
            RseqDenied => host::RSEQ_DENIED,
            RegistrationRefused => host::REGISTRATION_REFUSED,
            UnexpectedAnswers => host::UNEXPECTED_ANSWERS,
            LibcSwitchedOff => host::LIBC_SWITCHED_OFF,
            PreloadFileBroken => host::PRELOAD_FILE_BROKEN,
            SecureExecution => host::SECURE_EXECUTION,
            SelfTestIncomplete => host::SELF_TEST_INCOMPLETE,
            LibcRegisters => host::LIBC_REGISTERS,
            LibcOwnsSymbol => host::LIBC_OWNS_SYMBOL,
            LibcDoesNotRegister => host::LIBC_DOES_NOT_REGISTER,
            StrictAbove32 => host::STRICT_ABOVE_32,
            NoFeatureSize => host::NO_FEATURE_SIZE,
            ShimForAll => host::SHIM_FOR_ALL,
            SmallSurplus => host::SMALL_SURPLUS,
        }
    };
}

pub(super) use with_every_rule;
