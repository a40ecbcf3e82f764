/* The smallest firmware with a model, for its size: a step for each observation. */
#include "gesture.h"

static gesture_state state;
volatile double observation[GESTURE_X_SIZE];
volatile float result[GESTURE_Y_SIZE];

int main(void)
{
    gesture_init(&state);
    for (;;)
        gesture_step(&state, (const double *)observation, (float *)result);
}
