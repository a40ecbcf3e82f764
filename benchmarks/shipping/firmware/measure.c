/* Runs all sequences in an emulator: prints probabilities, instructions of a step, and the stack it needs. */
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "gesture.h"
#include "sequences.h"

#define PER_TICK 40 /* instructions: QEMU counts one for each nanosecond, and the timer runs at 25 MHz */
#define PAINT 0xA5A5A5A5u

void initialise_monitor_handles(void);
static volatile uint32_t *const timer = (volatile uint32_t *)0xE000E010; /* control, reload, value */
static gesture_state state;

static uint32_t stack_of_a_step(const double *x, float *y)
{
    uint32_t bottom;
    volatile uint32_t *const here = &bottom;
    for (int i = 32; i < 4096; i++)
        here[-i] = PAINT;
    gesture_step(&state, x, y);
    int depth = 4095;
    while (here[-depth] == PAINT)
        depth--;
    return (uint32_t)depth * 4;
}

int main(void)
{
    static double x[GESTURE_X_SIZE];
    static float y[GESTURE_Y_SIZE];
    uint32_t ticks = 0;
    initialise_monitor_handles();
    timer[1] = 0xFFFFFF;
    timer[2] = 0;
    timer[0] = 5; /* the clock of the processor, without interrupts */
    for (int sequence = 0; sequence < SEQUENCES; sequence++) {
        gesture_init(&state);
        for (int step = 0; step < STEPS; step++) {
            for (int i = 0; i < GESTURE_X_SIZE; i++)
                x[i] = (double)sequences[sequence][step][i];
            const uint32_t before = timer[2];
            gesture_step(&state, x, y);
            ticks += (before - timer[2]) & 0xFFFFFF;
        }
        for (int i = 0; i < GESTURE_Y_SIZE; i++)
            printf("%.9g ", (double)y[i]);
        printf("\n");
    }
    printf("%lu %lu %lu\n", (unsigned long)((uint64_t)ticks * PER_TICK / (SEQUENCES * STEPS)),
           (unsigned long)stack_of_a_step(x, y), (unsigned long)sizeof(gesture_state));
    fflush(stdout);
    _exit(0);
}
