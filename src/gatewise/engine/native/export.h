// What a library shows to the program that loads it.
#pragma once

#if defined(_WIN32)
#define GATEWISE_EXPORT extern "C" __declspec(dllexport)
#else
#define GATEWISE_EXPORT extern "C" __attribute__((visibility("default")))
#endif
