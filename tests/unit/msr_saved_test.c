// SPDX-License-Identifier: Apache-2.0
// MSRs of a vCPU as tools save and set them: those that its processor has, with the bits it has.
#include "pv/cpuid.h"
#include "pv/msr_saved.h"

#include "pv_fixture.h"

#define MSR_SPEC_CTRL 0x48
#define MSR_TSC_AUX   0xc0000103

static void has(unsigned int feature, bool on)
{
    struct cpuid_policy *policy = (struct cpuid_policy *)pv_cpuid_policy(guest_domain);
    uint32_t bit = 1U << (feature % 32);

    policy->features[feature / 32] &= ~bit;
    policy->features[feature / 32] |= on ? bit : 0;
}

static void without_features(void)
{
    has(XEN_X86_FEATURE_IBRSB, false);
    has(XEN_X86_FEATURE_STIBP, false);
    has(XEN_X86_FEATURE_SSBD, false);
    has(XEN_X86_FEATURE_RDTSCP, false);
    has(XEN_X86_FEATURE_RDPID, false);
}

static void what_the_processor_lacks_can_only_be_zero(void **state)
{
    struct xen_domctl_vcpu_msr saved[SAVED_MSRS];

    without_features();
    for (uint64_t bit = 1; bit <= 4; bit <<= 1) {
        assert_int_equal(pv_msrs_set(v, MSR_SPEC_CTRL, bit), -EINVAL);
    }
    assert_int_equal(pv_msrs_set(v, MSR_TSC_AUX, 1), -EINVAL);
    assert_int_equal(pv_msrs_set(v, MSR_SPEC_CTRL, 0), 0);
    assert_int_equal(pv_msrs_set(v, MSR_TSC_AUX, 0), 0);
    assert_int_equal(pv_msrs_set(v, 0x10, 0), -EINVAL);
    assert_int_equal(pv_msrs_get(v, saved), 0);
}

static void each_bit_belongs_to_a_feature(void **state)
{
    without_features();
    has(XEN_X86_FEATURE_STIBP, true);
    assert_int_equal(pv_msrs_set(v, MSR_SPEC_CTRL, 1), -EINVAL);
    assert_int_equal(pv_msrs_set(v, MSR_SPEC_CTRL, 2), 0);
    has(XEN_X86_FEATURE_IBRSB, true);
    has(XEN_X86_FEATURE_SSBD, true);
    assert_int_equal(pv_msrs_set(v, MSR_SPEC_CTRL, 7), 0);
    assert_int_equal(pv_msrs_set(v, MSR_SPEC_CTRL, 8), -EINVAL);
    has(XEN_X86_FEATURE_RDPID, true);
    assert_int_equal(pv_msrs_set(v, MSR_TSC_AUX, UINT32_MAX), 0);
    has(XEN_X86_FEATURE_RDPID, false);
    has(XEN_X86_FEATURE_RDTSCP, true);
    assert_int_equal(pv_msrs_set(v, MSR_TSC_AUX, 5), 0);
    assert_int_equal(pv_msrs_set(v, MSR_TSC_AUX, 1ULL << 32), -EINVAL);
}

static void what_is_not_zero_is_saved(void **state)
{
    struct xen_domctl_vcpu_msr saved[SAVED_MSRS];

    has(XEN_X86_FEATURE_IBRSB, true);
    has(XEN_X86_FEATURE_RDTSCP, true);
    assert_int_equal(pv_msrs_set(v, MSR_TSC_AUX, 77), 0);
    assert_int_equal(pv_msrs_get(v, saved), 1);
    assert_int_equal(saved[0].index, MSR_TSC_AUX);
    assert_int_equal(saved[0].value, 77);
    assert_int_equal(pv_msrs_set(v, MSR_SPEC_CTRL, 1), 0);
    assert_int_equal(pv_msrs_get(v, saved), 2);
    assert_int_equal(saved[0].index, MSR_SPEC_CTRL);
    assert_int_equal(saved[0].value, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_the_processor_lacks_can_only_be_zero),
        TEST(each_bit_belongs_to_a_feature),
        TEST(what_is_not_zero_is_saved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
