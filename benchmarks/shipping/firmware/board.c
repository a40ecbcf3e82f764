/* The start of a Cortex-M4 with its floating-point unit. */
#include <stdint.h>

extern uint32_t first_of_bss, last_of_bss, top_of_stack;
int main(void);

void reset(void)
{
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20; /* the floating-point unit */
    __asm volatile("dsb\n isb");
    for (uint32_t *one = &first_of_bss; one < &last_of_bss; one++)
        *one = 0;
    main();
    for (;;)
        ;
}

__attribute__((section(".vectors"), used)) const void *const vectors[] = {&top_of_stack, (const void *)reset};
